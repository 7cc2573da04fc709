"""What can be found without running: compilers, sparse, coccinelle, checkpatch, kernel-doc, cppcheck, shellcheck …"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
TARGETS = sorted(str(path.parent.relative_to(TREE)) for path in TREE.glob("phases/*/Kbuild")) + ["vnet", "bench/blast"]
SOURCES = sorted(str(path.relative_to(TREE)) for folder in TARGETS for path in (TREE / folder).rglob("*.[ch]"))
# What runs in user space: the same style, but not in the contexts of a kernel.
PROGRAMS = sorted(str(path.relative_to(TREE)) for folder in ("tools/ip-link", "tools/dryrun", "tools/include", "tests/unit",
                                                             "tests/fuzz", "tests/xdp", "bench")
                  for path in (TREE / folder).rglob("*.[ch]") if path.parent != TREE / "bench/blast")


def run(*command, cwd=TREE):
    """Runs a command in the tree, or elsewhere, and returns (exit status, everything it printed)."""
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


KERNELS = run("tools/kernel", "--list")[1].split()
OTHERS = run("tools/prepared", "--list")[1].split()


def tracked(pattern):
    """Returns the files whose first line matches, of those that git tracks or would."""
    files = run("git", "ls-files", "--cached", "--others", "--exclude-standard")[1].split("\n")
    return sorted(name for name in files if name and (TREE / name).is_file() and not (TREE / name).is_symlink()
                  and re.match(pattern, (TREE / name).read_text(errors="replace").split("\n")[0]))


SPARSE = ["C=2", "CF=-D__CHECK_ENDIAN__"]


def complaints(status, text):
    """Returns what a build, with all warnings and sparse, has said about a driver; by its status and its log."""
    said = [line for line in text.splitlines() if re.search(r"\.[ch]:\d+|warning:|error:", line)
            and "differs from the one used to build the kernel" not in line]
    return said or ([] if status == 0 else [text])


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("target", TARGETS)
def test_builds_without_a_warning(target, kernel):
    """gcc with W=1, which also runs kernel-doc, and sparse with its endianness checks: not a word.

    tools/build does so from nothing, or has done, for tools/test, and then the log is still what was said.
    """
    status, text = run("tools/build", target, kernel, *SPARSE)
    log = (TREE / "build" / target / kernel / "build.log").read_text()
    assert "  CHECK " in log and "  CC [M] " in log
    assert complaints(status, log) == [], text


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_warning_would_be_seen(kernel, tmp_path):
    """The gate above: an unused variable of the wrong endianness, a lock not let go, an undocumented argument."""
    folder = run("tools/kernel", kernel)[1].split()[-1]
    (tmp_path / "Kbuild").write_text("obj-m := vnet.o\n")
    text = (TREE / "phases/01-module/vnet.c").read_text()
    for old, new in (("int err;", "int err; __be16 port = 80; rcu_read_lock();"),
                     (" * @kp: the parameter; its arg is a &struct vnet_param\n", "")):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "vnet.c").write_text(text)
    said = "\n".join(complaints(*run("make", "-C", f"{folder}/build", f"M={tmp_path}", "W=1", *SPARSE, "modules")))
    expected = ["unused variable", "incorrect type in initializer"]
    # On 7.2, kernel-doc does not look at modules from outside; test_kernel_doc does. What is said of locks is for a clang
    # there that Debian does not have yet; sparse hears it on the older kernels.
    if kernel != "7.2":
        expected += ["context imbalance in 'vnet_param_set'", "not described"]
    assert not [words for words in expected if words not in said], said


def divisions(module):
    """Returns what an object asks the compiler's own library for, like __udivdi3: the kernel has none of it."""
    return re.findall(r"\b__\w+[ds]i[234]\b", run("nm", "-u", module)[1])


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("target", TARGETS)
def test_builds_elsewhere_without_a_warning(target, other):
    """clang with W=1, which sees what gcc does not; and 32 bits, where a long is shorter and 64 of them not divided."""
    status, text = run("tools/build", target, other)
    folder = TREE / "build" / target / other
    log = (folder / "build.log").read_text()
    assert "  CC [M] " in log
    assert complaints(status, log) == [], text
    module = folder / re.search(r"^obj-m := (\S+)", (TREE / target / "Kbuild").read_text(), re.M)[1]
    assert divisions(module) == []


@pytest.mark.parametrize("other, code, expected", [
    ("clang", "int some(int n); int some(int n) { int x; if (n) x = 1; return x; }", "'x' is used uninitialized"),
    ("i386", "u64 cast(void *p); u64 cast(void *p) { return (u64)p; }", "pointer to integer of different size"),
    ("i386", "u64 halve(u64 x, u64 y); u64 halve(u64 x, u64 y) { return x / y; }", "__udivdi3"),
])
def test_a_warning_elsewhere_would_be_seen(other, code, expected, tmp_path):
    """The gate above, by what gcc does not say on 64 bits."""
    folder = Path(run("tools/prepared", other)[1].split()[-1])
    (tmp_path / "Kbuild").write_text("obj-m := vnet.o\n")
    (tmp_path / "vnet.c").write_text((TREE / "phases/01-module/vnet.c").read_text() + code)
    said = complaints(*run("make", "-C", folder / "build", f"M={tmp_path}", "W=1",
                           *(folder / "arguments").read_text().split(), "vnet.o"))
    assert expected in "\n".join(said + divisions(tmp_path / "vnet.o"))


# What the kernel's semantic patches say and what is right as it is: (script, source, what), and why.
JUDGED = {}
# Are in a language whose compiler, of 300 MB, is not worth it: the one is about one driver's tables, the other about
# comparisons of pointers with 0, of which sparse tells.
NOT_FOR_US = ["api/check_bq27xxx_data", "null/badzero"]
# What three of them must find.
MISTAKES = """
int mistakes(struct page *page, int *p)
{
	if (page)
		kfree(page);
	kfree(p);
	if (*p) {
		return 1;
	};
	return 0;
}
"""


def coccinelle(folder):
    """Runs the kernel's semantic patches over a folder; returns (script, source, what) for each thing they say."""
    scripts = Path(run("tools/kernel", "--source")[1].split()[-1]) / "scripts/coccinelle"
    found = []
    for path in sorted(scripts.rglob("*.cocci")):
        script = str(path.relative_to(scripts).with_suffix(""))
        text = path.read_text()
        if script in NOT_FOR_US or not re.search(r"^virtual report\b", text, re.M):
            continue
        options = re.findall(r"^//+ *Options: *(.*)", text, re.M)
        status, said = run("spatch", "-D", "report", "--very-quiet", "--no-show-diff", *" ".join(options).split(),
                           "--use-cache", "--cocci-file", path, "--dir", folder)
        assert status == 0, f"{script}: {said}"
        # What does not begin with a source's name is about the script.
        said = re.findall(rf"^{re.escape(str(folder))}/(\S+?):[\d:-]+ (.*)", said, re.M)
        found += [(script, source, what) for source, what in said]
    return found


def test_coccinelle(tmp_path):
    """The kernel's semantic patches find nothing but what is judged above, and what is wrong on purpose."""
    for source in SOURCES:
        (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TREE / source, tmp_path / source)
    (tmp_path / "mistakes.c").write_text(MISTAKES)
    # What it does not understand, it passes over in silence. That is one macro of the phases, and tracepoints.
    status, text = run("spatch", "--parse-c", *(tmp_path / source for source in SOURCES))
    bad = re.findall(r'^ = File "(.*)", line .*\n.*\n  whole content = \s*(.*)', text, re.M)
    assert status == 0 and bad
    assert {line for source, line in bad if not source.endswith("/trace.h")} == {'__stringify(_default) ")")'}
    found = coccinelle(tmp_path)
    assert {"free/ifnullfree", "free/kfree", "misc/semicolon"} == {script for script, source, _ in found
                                                                   if source == "mistakes.c"}
    assert {finding for finding in found if finding[1] != "mistakes.c"} == set(JUDGED)


@pytest.mark.parametrize("source", SOURCES + PROGRAMS)
def test_checkpatch(source, tmp_path):
    """The kernel's style, strictly.

    Two types are off: LINUX_VERSION_CODE, because a driver out of tree must look at it; MACRO_ARG_REUSE,
    because the argument that is used twice is a name (VNET_PARAM) and not an expression. In user space,
    CAMELCASE is too, because that is how cmocka calls its types, and PREFER_DEFINED_ATTRIBUTE_MACRO, because
    those macros are the kernel's; the modes of a link are called so in ethtool, too (Asym_Pause). Tracepoints look in
    any driver as checkpatch does not like it. It runs elsewhere because it leaves a file behind when it meets CamelCase.
    """
    ignore = "LINUX_VERSION_CODE,MACRO_ARG_REUSE"
    if source in PROGRAMS:
        ignore += ",CAMELCASE,PREFER_DEFINED_ATTRIBUTE_MACRO"
    if source == "vnet/ethtool.c":
        ignore += ",CAMELCASE"
    if source.endswith("/trace.h"):
        ignore += ",COMPLEX_MACRO,PARENTHESIS_ALIGNMENT,OPEN_ENDED_LINE"
    scripts = run("tools/kernel", "--source")[1].split()[-1] + "/scripts"
    status, text = run(f"{scripts}/checkpatch.pl", "--no-tree", "--strict", "--terse", "--max-line-length=80",
                       f"--ignore={ignore}", "-f", TREE / source, cwd=tmp_path)
    assert status == 0, text


def test_kernel_doc():
    """Every comment that says it is kernel-doc is."""
    scripts = run("tools/kernel", "--source")[1].split()[-1] + "/scripts"
    status, text = run(f"{scripts}/kernel-doc", "-none", "-Wall", "-Werror", *SOURCES, *PROGRAMS)
    assert status == 0, text


@pytest.mark.parametrize("source", SOURCES)
def test_every_function_says_its_context(source):
    """A function's comment says in what context it runs; a function has a comment."""
    text = (TREE / source).read_text()
    bodies = re.findall(r"((?:/\*\*(?:(?!\*/).)*\*/\n)?)^(?!struct|enum|union)(\w[^\n;={}#]*\([^;{}]*\))\n\{", text,
                        re.S | re.M)
    for comment, head in bodies:
        assert "Context:" in comment, f"{source}: {head.splitlines()[0]}"


def test_functions_are_short():
    """70 lines are the outside."""
    for source in SOURCES + PROGRAMS:
        for head, body in re.findall(r"^(\w[^\n;]*)\n(?:[^\n{]*\n)*?\{\n(.*?)^\}", (TREE / source).read_text(),
                                     re.S | re.M):
            assert body.count("\n") <= 70, f"{source}: {head}"


def test_phase_sources_differ_by_their_idea_only():
    """Each phase's file has its functions in the order of the last one's: a diff shows no shuffle."""
    def functions(number):
        path, = TREE.glob(f"phases/{number:02}-*/vnet.c")
        return re.findall(r"^ \* (vnet_\w+)\(\) -", path.read_text(), re.M)

    for number in range(1, 9):
        here, there = functions(number), functions(number + 1)
        assert [name for name in here if name in there] == [name for name in there if name in here]


# What the network maintainers' checks of a patch object to: where (by the end of a name), what, and the sources in
# which it is right, as often as it says there.
OBJECTIONS = [
    # A parameter is an interface for ever that concerns all devices. This one makes devices as the phases do, for the
    # self-test, which runs with both; all else is set by netlink. The phases, which teach parameters, are not asked.
    (".c", r"\bmodule_param", {"vnet/main.c": 1}),
    # Not traced by who holds them. This is the other half of rtnl_link_get_net(), which has no traced form.
    (".c", r"\b(dev_hold|dev_put|get_net|put_net)\(", {"vnet/link.c": 2}),
    (".c", r"\binit_dummy_netdev\(", {}),
    # Cleanup at the end of a scope hides what is let go when; drivers of the network are to write it down.
    ("", r"\b__free\(", {}),
    # In a source, the compiler knows best; in a header, a function without it is another one in every object.
    (".c", r"\binline\b", {}),
    (".h", r"(?m)^static (?!(__always_)?inline).*\(", {}),
]


def objections(name, text):
    """Returns the patterns that are not to be found in a source as often as is right there."""
    return [pattern for end, pattern, right in OBJECTIONS
            if name.endswith(end) and len(re.findall(pattern, text)) != right.get(name, 0)]


@pytest.mark.parametrize("source", [source for source in SOURCES if source.startswith("vnet/")])
def test_network_maintainers_do_not_object(source):
    """What is a matter of taste elsewhere is none for a driver of the network."""
    assert objections(source, (TREE / source).read_text()) == []


def test_an_objection_would_be_seen():
    """The test above: one line for each, and lines to which nobody objects."""
    lines = {".c": ["module_param(x, int, 0);", "\tdev_hold(dev);", "\tinit_dummy_netdev(dev);",
                    "\tchar *p __free(kfree) = NULL;", "static inline int f(void)"],
             ".h": ["static int f(void)", "\tchar *p __free(kfree) = NULL;"]}
    for end, each in lines.items():
        assert [len(objections("x" + end, line)) for line in each] == [1] * len(each)
    assert objections("x.c", "\tnetdev_hold(dev, &t, GFP_KERNEL);\nstatic int f(void)\n") == []
    assert objections("x.h", "static inline int f(void)\nstatic __always_inline int g(void)\n") == []


CPPCHECK = ["cppcheck", "--quiet", "--error-exitcode=1", "--enable=warning,style,performance,portability", "--std=c11",
            "-D__GNUC__", "-D__linux__", "-D__x86_64__", "-D_GNU_SOURCE",
            "-Itools/include", "-Ivnet", "-Itools/ip-link",
            # The kernel's style declares at the top of a function.
            "--suppress=variableScope",
            # GNU C, which all of this is, counts them in bytes.
            "--suppress=arithOperationsOnVoidPointer",
            # The room behind a header is reached from the header.
            "--suppress=unusedStructMember:bench/links.c"]


def test_cppcheck(tmp_path):
    """cppcheck finds nothing in what runs in user space; and does where there is something."""
    status, text = run(*CPPCHECK, *(source for source in PROGRAMS if source.endswith(".c")))
    assert status == 0, text
    wrong = tmp_path / "wrong.c"
    wrong.write_text("int last(void);\nint last(void)\n{\n\tchar a[2] = {};\n\n\treturn a[2];\n}\n")
    status, text = run(*CPPCHECK, wrong)
    assert status == 1 and "arrayIndexOutOfBounds" in text, text


def test_shell_scripts():
    """shellcheck has nothing to say."""
    scripts = tracked(r"#!.*\b(bash|sh)\b") + ["tools/show"]
    assert "tools/build" in scripts
    status, text = run("shellcheck", "-x", *scripts)
    assert status == 0, text


def test_spelling():
    """codespell knows no better word, in any file of ours; a fuzzer's corpus is no text."""
    ours = [name for name in tracked("") if name != "LICENSE" and not name.startswith("tests/fuzz/corpus/")]
    assert {"Makefile", "README.md", "vnet/main.c"} <= set(ours)
    status, text = run("codespell", "--ignore-words-list=xdpf", *ours)
    assert status == 0, text


def test_no_build_output_is_tracked():
    """Sources only."""
    files = run("git", "ls-files")[1].split()
    assert not [name for name in files if re.search(r"\.(ko|o|mod|cmd|pyc|pcap)$|^build/|checkpatch-camelcase", name)]
