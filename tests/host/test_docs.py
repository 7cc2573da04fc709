# SPDX-License-Identifier: GPL-2.0
"""The site: built without a word, gated, and with no dead link.

Everything is built in a copy under pytest's temporary folder: a small sample tree, whose
sources are made to fail in known ways, and the real tree if its driver is there.
"""

import html.parser
import pathlib
import re
import shutil
import subprocess
import urllib.parse

import pytest

TREE = pathlib.Path(__file__).resolve().parents[2]
NAMES = ("module netdev tx-ring rx-timer napi stats-ethtool arp loopback impair-vlan").split()

pytestmark = pytest.mark.skipif(
    not (shutil.which("doxygen") and shutil.which("dot")),
    reason="doxygen and graphviz are missing; run tools/deps docs")

RING_H = """\
/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: The ring
 *
 * Compares a < b, see <linux/skbuff.h> and #5.
 *
 * The layout::
 *
 *     [ 0 ][ 1 ]<->
 *
 * Read next: vnet_ring_push().
 */
#ifndef VNET_RING_H
#define VNET_RING_H

/* Four times NAPI's budget. */
#define VNET_RING_SIZE 256
#define VNET_RING_MASK (VNET_RING_SIZE - 1)

#define VNET_SECRET 1

/**
 * enum vnet_end - what is at the other end
 * @VNET_END_PEER: another device
 * @VNET_END_LOOP: itself
 */
enum vnet_end {
	VNET_END_PEER,
	VNET_END_LOOP,
};

/**
 * struct vnet_ring - frames in order
 * @slot: see &struct sk_buff
 * @prod: the producer's side
 * @prod.drops: how often it
 *	was full
 * @tail: next to read
 *
 * The producer writes @prod only.
 */
struct vnet_ring {
	void **slot;
	struct {
		u64 drops;
	} prod ____cacheline_aligned_in_smp;
	u32 tail;
};

/**
 * vnet_ring_push() - put a frame into the ring
 * @ring: the &struct vnet_ring
 * @skb: the frame
 *
 * Context: The producer only.
 * Return:
 * * 0       - stored
 * * -ENOSPC - the ring is full, %VNET_RING_SIZE frames are in it
 */
static inline int vnet_ring_push(struct vnet_ring *ring, struct sk_buff *skb)
{
	return 0;
}
#endif
"""

MAIN_C = """\
// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Module init and exit
 */
#include <linux/module.h>

static const struct net_device_ops vnet_netdev_ops = {
	.ndo_open = NULL,
};

static LIST_HEAD(vnet_list);

/**
 * vnet_init() - load
 *
 * Context: Process context.
 * Return: 0 or a negative error.
 */
static int __init vnet_init(void)
{
	return 0;
}
module_init(vnet_init);
MODULE_LICENSE("GPL");
"""


def copy_tools(tree):
    """Put what builds the site, as it is in this tree, into another one."""
    for folder in ("docs", "tools"):
        shutil.copytree(TREE / folder, tree / folder)
    shutil.copy(TREE / "Doxyfile", tree)


def sample_tree(tree):
    """A small complete tree: nine phases, a worksheet, a driver of two files."""
    copy_tools(tree)
    lines = []
    for number, name in enumerate(NAMES, 1):
        folder = tree / "phases" / f"{number:02}-{name}"
        folder.mkdir(parents=True)
        lines.append(f'static int step_{number}; /* "{name}" < & > */')
        (folder / "vnet.c").write_text("\n".join(lines) + "\n")
        (folder / "Kbuild").write_text("obj-m += vnet.o\n")
        (folder / "README.md").write_text(
            f"# Phase {number}: {name}\n\nOne idea. See [the source](vnet.c), "
            f"[the next](../{min(number + 1, 9):02}-{NAMES[min(number, 8)]}/README.md).\n")
    lab = tree / "labs" / "03-tx-ring"
    lab.mkdir(parents=True)
    (lab / "worksheet.md").write_text(
        "# Lab 3: a ring\n\nRead [phase 3](../../phases/03-tx-ring/README.md).\n")
    (tree / "vnet").mkdir()
    (tree / "vnet" / "ring.h").write_text(RING_H)
    (tree / "vnet" / "main.c").write_text(MAIN_C)
    return tree


def build(tree):
    """Run tools/docs of a tree; returns the finished process."""
    return subprocess.run([tree / "tools" / "docs"], text=True, capture_output=True, check=False)


@pytest.fixture(name="tree")
def fixture_tree(tmp_path):
    """A sample tree of one's own, to be broken."""
    return sample_tree(tmp_path / "tree")


@pytest.fixture(scope="module", name="site", params=["sample", "real"])
def fixture_site(request, tmp_path_factory):
    """A built site: (folder of the HTML, process)."""
    tree = tmp_path_factory.mktemp(request.param) / "tree"
    if request.param == "sample":
        sample_tree(tree)
    else:
        if not list((TREE / "vnet").glob("*.c")):
            pytest.skip("vnet/ holds no driver source yet")
        copy_tools(tree)
        for folder in ("phases", "vnet", "labs"):
            if (TREE / folder).exists():
                shutil.copytree(TREE / folder, tree / folder)
    return tree / "build" / "docs" / "html", build(tree)


class Page(html.parser.HTMLParser):
    """Collects the anchors of a page and the local addresses it points to."""

    def __init__(self, path):
        """Read the page at once."""
        super().__init__()
        self.anchors, self.targets = set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        """Note ids, names and addresses."""
        for key, value in attrs:
            if key == "id" or (key == "name" and tag == "a"):
                self.anchors.add(value)
            elif key in ("href", "src", "data", "xlink:href") and value:
                if not re.match(r"[a-z]+:|//", value):
                    self.targets.add(urllib.parse.unquote(value))


def test_silent(site):
    """A good tree builds without a word but the index's path."""
    _, process = site
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout == "build/docs/html/index.html\n"


def test_pages_exist(site):
    """Each written page, each phase and the generated list of contexts is there."""
    html_folder, _ = site
    names = ["index", "architecture", "course", "locking", "testing", "glossary", "contexts"]
    for name in names + [f"phase-{number:02}" for number in range(1, 10)]:
        assert (html_folder / f"{name}.html").is_file(), name
    for name in ("architecture", "frame-path", "phases"):
        assert "<svg" in (html_folder / f"dot_{name}.svg").read_text(), name


def test_links(site):
    """Every local link and anchor, of the pages and of the diagrams, resolves."""
    html_folder, _ = site
    # Not Doxygen's own search/ and logo.
    pages = {path.name: Page(path)
             for path in [*html_folder.glob("*.html"), *html_folder.glob("dot_*.svg")]}
    dead, seen = [], 0
    for name, page in pages.items():
        for target in page.targets:
            path, _, anchor = target.partition("#")
            path = path.split("?")[0] or name
            if anchor == path[:-len(".html")]:
                anchor = ""  # how Doxygen's diagrams call the top of a page
            seen += 1
            if not (html_folder / path).exists():
                dead.append(f"{name}: {target}")
            elif anchor and path in pages and anchor not in pages[path].anchors:
                dead.append(f"{name}: {target}")
    assert not dead
    assert seen > 100


def test_phase_page(site):
    """A phase's page shows what it adds, the driver, and the way on."""
    page = (site[0] / "phase-03.html").read_text(encoding="utf-8")
    assert 'class="line add"' in page
    assert 'id="phase-03-l1"' in page
    assert 'href="phase-02.html' in page and 'href="phase-04.html' in page


def test_diagram_links(site):
    """The nodes of the diagrams lead to the files of vnet/ that exist, and to the phases."""
    html_folder, _ = site
    assert "ring_8h.html" in (html_folder / "dot_architecture.svg").read_text()
    assert "phase-09.html" in (html_folder / "dot_phases.svg").read_text()


def test_sample_content(tree):
    """What kernel-doc says arrives on the page, and what it does not document stays out."""
    assert build(tree).returncode == 0
    folder = tree / "build" / "docs" / "html"
    ring = (folder / "ring_8h.html").read_text(encoding="utf-8")
    struct = (folder / "structvnet__ring.html").read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", ring))
    for words in ("put a frame into the ring", "-ENOSPC", "The producer only.", "what is at the",
                  "another device", "Four times NAPI", "[ 0 ][ 1 ]&lt;-&gt;", "a &lt; b"):
        assert words in text, words
    assert re.search(r'<table class="retval">.*?-ENOSPC', ring, re.S)
    assert "frames in order" in struct and "how often it was full" in struct
    assert "The producer writes" in struct
    assert "VNET_SECRET" not in ring
    assert "vnet_netdev_ops" not in (folder / "main_8c.html").read_text(encoding="utf-8")
    assert "vnet_ring_push" in (folder / "contexts.html").read_text(encoding="utf-8")
    assert (folder / "lab-03.html").is_file()
    assert "lab-03.html" in (folder / "phase-03.html").read_text(encoding="utf-8")


GATE = [
    ("wrong argument", "vnet/ring.h", " * @skb: the", " * @skp: the", r"vnet/ring\.h:\d+.*skp"),
    ("missing argument", "vnet/ring.h", " * @skb: the frame\n", "", r"vnet/ring\.h:\d+.*skb"),
    ("missing member", "vnet/ring.h", " * @tail: next to read\n", "", r"vnet/ring\.h:\d+.*tail"),
    ("wrong member", "vnet/ring.h", "@tail: next", "@tale: next", r"vnet/ring\.h:\d+.*tale"),
    ("bare function", "vnet/main.c", MAIN_C[MAIN_C.index("/**\n * vnet_init"):
                                            MAIN_C.index("static int __init")], "",
     r"vnet/main\.c:\d+.*vnet_init.*not documented"),
    ("dead \\ref", "docs/mainpage.md", "@ref course", "@ref curse", r"mainpage\.md:\d+.*curse"),
    ("dead link", "phases/04-rx-timer/README.md", "(vnet.c)", "(vnot.c)", r"vnot\.c.*not exist"),
    ("untitled page", "labs/03-tx-ring/worksheet.md", "# Lab", "Lab", r"worksheet\.md.*title"),
    ("bad diagram", "docs/diagrams/phases.dot", "digraph phases {", "digraph phases",
     r"phases\.dot: .*syntax error"),
    ("odd diagram", "docs/diagrams/phases.dot", "#44566a", "no-such", r"phases\.dot: .*no-such"),
    ("missing diagram", "docs/diagrams/phases.dot", None, None, r"phases\.dot is missing"),
    ("missing page", "docs/glossary.md", None, None, r"glossary\.md is missing"),
    ("missing driver", "vnet/main.c", None, None, r"vnet/ holds no driver source"),
    ("missing phase", "phases/07-arp/README.md", None, None, r"phases/07-\*/README\.md is missing"),
]


@pytest.mark.parametrize("name,path,before,after,message", GATE, ids=[row[0] for row in GATE])
def test_gate(tree, name, path, before, after, message):
    """Each flaw fails the build, and the message names the place."""
    del name
    if before is None:
        (tree / path).unlink()
    else:
        text = (tree / path).read_text(encoding="utf-8")
        assert before in text
        (tree / path).write_text(text.replace(before, after, 1), encoding="utf-8")
    process = build(tree)
    assert process.returncode == 1
    assert re.search(message, process.stderr), process.stderr
    assert "Traceback" not in process.stderr


def test_warning_names_the_right_line(tree):
    """The filter keeps the lines, so a warning's number is the source's."""
    text = RING_H.replace("\tu32 tail;\n", "\tu32 tail;\n\tu32 bare;\n")
    (tree / "vnet" / "ring.h").write_text(text)
    line = text.split("u32 bare")[0].count("\n") + 1
    assert f"vnet/ring.h:{line}: " in build(tree).stderr


def test_filter_keeps_lines(tmp_path):
    """The filter's output has as many lines as its input, and the code in them is the same."""
    for name, text in (("ring.h", RING_H), ("main.c", MAIN_C), ("empty.c", "\n"),
                       ("odd.c", "int x;\n/** one line */\n/**\n * x - y\n */")):
        (tmp_path / name).write_text(text)
    sources = sorted(tmp_path.glob("*.[ch]")) + sorted(TREE.glob("phases/*/*.c"))
    for path in sources + sorted(TREE.glob("vnet/*.[ch]")):
        out = subprocess.run([TREE / "docs" / "filter", path], check=True, text=True,
                             capture_output=True).stdout.splitlines()
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(out) == len(lines), path

        def code(text):
            """The text without its comments and white space."""
            return re.sub(r"/\*.*?\*/|\s+", "", "\n".join(text), flags=re.S)
        assert code(out) == code(lines), path


def test_usage():
    """An argument is refused."""
    process = subprocess.run([TREE / "tools" / "docs", "all"], text=True, capture_output=True,
                             check=False)
    assert process.returncode == 2 and process.stderr.count("\n") == 1
