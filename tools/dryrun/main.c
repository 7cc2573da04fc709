// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: vnet-dryrun: the verdicts that the kernel will give
 *
 * The verdict on a frame is a function of settings, seed, direction and the
 * frame's number, and the very files that the driver is made of compute it
 * here: settings.c, settle.c, impair.c, delay.c, pattern.c. The words are those
 * of ip's plugin, read by the same words.c.
 *
 * Next: summary.c.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "impair.h"
#include "summary.h"
#include "words.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Tells the user what is wrong, in one sentence. */
#define dry_err(format, ...) \
	fprintf(stderr, "vnet-dryrun: " format "\n", ##__VA_ARGS__)

/* What ends the program if the user is wrong. */
#define DRY_BAD 2

static const char dry_usage[] =
	"Usage: vnet-dryrun [ OPTIONS ] WORDS\n"
	"\n"
	"Prints what will happen to the frames that an end sends: number, marks and\n"
	"delay in ns, a line each. WORDS are those behind 'ip link ... type vnet'; a\n"
	"seed must be among them.\n"
	"\n"
	"  --peer           the frames that the peer sends: by the words behind\n"
	"                   \"peer\", or by all if it is set by its own name\n"
	"  --count N        so many frames; 100 if not given\n"
	"  --interval TIME  one frame after the other, such as 1ms\n"
	"  --times FILE     a frame for each line, which is its time in ns; - is\n"
	"                   standard input\n"
	"  --summary        at the end, what has come of it all\n"
	"  --json           all of it in JSON\n"
	"  --help           this\n"
	"\n"
	"When frames come matters for a half-life only. The delay is that of the wire\n"
	"alone: what a rate, its queue, flaps and VLAN do is no matter of chance.\n"
	"\n";

/**
 * struct dry_run - what is to be done
 * @peer: for the direction of the peer
 * @count: how many frames; 0 for as many as there are times
 * @interval: time from one to the next, in ns
 * @timed: @interval was given
 * @times: where their times come from, or NULL
 * @name: its name
 * @summary: a summary is asked for
 * @json: all is to be JSON
 * @impair: the settings
 */
struct dry_run {
	bool peer;
	__u64 count;
	__u64 interval;
	bool timed;
	FILE *times;
	const char *name;
	bool summary;
	bool json;
	struct vnet_impair impair;
};

/**
 * dry_number() - read the value of an option
 * @option: its name
 * @unit: what it is
 * @text: the value
 * @value: where to put it
 *
 * Return: 0, or negative if it is none, which the user has been told.
 */
static int dry_number(const char *option, enum vnet_unit unit, const char *text,
		      __u64 *value)
{
	const char *give = vnet_word_read(unit, text, value);

	if (give)
		dry_err("--%s %s: give %s", option, text, give);
	return give ? -1 : 0;
}

/**
 * dry_open() - open the file with the times of the frames
 * @run: where to note it
 * @name: its name
 *
 * Return: 0, or negative if there is none, which the user has been told.
 */
static int dry_open(struct dry_run *run, const char *name)
{
	run->name = name;
	run->times = strcmp(name, "-") ? fopen(name, "r") : stdin;
	if (!run->times)
		dry_err("--times %s: %s", name, strerror(errno));
	return run->times ? 0 : -1;
}

/**
 * dry_help() - print the help
 */
static void dry_help(void)
{
	fputs(dry_usage, stdout);
	fputs(vnet_words_usage, stdout);
}

/**
 * dry_options() - understand the options
 * @run: where to note them
 * @argc: number of words
 * @argv: the words
 *
 * Return: how many words are options; 0 if there is nothing left to do;
 * negative if something is wrong, which the user has been told.
 */
static int dry_options(struct dry_run *run, int argc, char **argv)
{
	static const struct option options[] = {
		{ "peer", no_argument, NULL, 'p' },
		{ "count", required_argument, NULL, 'c' },
		{ "interval", required_argument, NULL, 'i' },
		{ "times", required_argument, NULL, 't' },
		{ "summary", no_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	int option, err = 0;

	opterr = 0;
	/* The + lets what follows the first word alone. */
	while (!err && (option = getopt_long(argc, argv, "+h", options,
					     NULL)) != -1) {
		switch (option) {
		case 'p':
			run->peer = true;
			break;
		case 'c':
			err = dry_number("count", VNET_NUMBER, optarg,
					 &run->count);
			if (!err && !run->count) {
				dry_err("--count 0: give at least 1");
				err = -1;
			}
			break;
		case 'i':
			err = dry_number("interval", VNET_TIME, optarg,
					 &run->interval);
			run->timed = true;
			break;
		case 't':
			err = dry_open(run, optarg);
			break;
		case 's':
			run->summary = true;
			break;
		case 'j':
			run->json = true;
			break;
		case 'h':
			dry_help();
			return 0;
		default:
			dry_err("%s: it is unknown or lacks a value; --help shows all",
				argv[optind - 1]);
			return -1;
		}
	}
	return err ? err : optind;
}

/**
 * dry_is_link() - whether a word begins what ip makes of the peer
 * @word: the word
 *
 * What follows it is none of our business.
 *
 * Return: true if so.
 */
static bool dry_is_link(const char *word)
{
	static const char * const words[] = {
		"name", "netns", "address", "mtu", "numtxqueues", "numrxqueues",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

/**
 * dry_words() - understand the words
 * @run: whose frames it is about
 * @argc: number of words
 * @argv: the words
 * @words: where to note what they mean for either end
 *
 * Return: which end's are to be used; negative if something is wrong, which
 * the user has been told.
 */
static int dry_words(const struct dry_run *run, int argc, char **argv,
		     struct vnet_words words[2])
{
	int peer = 0;

	while (argc && !(peer && dry_is_link(*argv))) {
		int skip = 0;

		if (!strcmp(*argv, "wire") && argc > 1) {
			skip = 2;
		} else if (!strcmp(*argv, "peer") && !peer) {
			peer = 1;
			skip = 1;
		} else if (!vnet_word_find(*argv)) {
			dry_err("%s\"%s\"%s", **argv == '-' ? "" :
				"unknown word ", *argv, **argv == '-' ?
				": options come before the words" :
				"; --help shows all");
			return -1;
		} else if (vnet_words_take(&words[peer], &argc, &argv)) {
			return -1;
		}
		argc -= skip;
		argv += skip;
	}
	return run->peer && peer;
}

/**
 * dry_settle() - from words to settings
 * @run: where to put them
 * @words: what the words mean
 *
 * Return: 0, or negative if they cannot be, which the user has been told.
 */
static int dry_settle(struct dry_run *run, const struct vnet_words *words)
{
	struct vnet_refusal refusal = {};
	struct vnet_asked asked = { .text = words->text };

	memcpy(asked.given, words->given, sizeof(asked.given));
	memcpy(asked.value, words->value, sizeof(asked.value));
	vnet_impair_init(&run->impair, run->peer, 0);
	if (vnet_impair_apply(&run->impair, &asked, &refusal)) {
		dry_err("%s", refusal.why);
		return -1;
	}
	if (!words->given[VNET_IMPAIR_SEED]) {
		dry_err("give a seed, such as \"seed 7\"; without one the kernel takes any");
		return -1;
	}
	if (run->impair.set[VNET_IMPAIR_HALF_LIFE] && !run->timed &&
	    !run->times) {
		dry_err("with a half-life it matters when frames come: give --interval or --times");
		return -1;
	}
	return 0;
}

/**
 * dry_time() - when the next frame comes
 * @run: what is to be done
 * @number: its number, from 1
 * @now: where to put the time, in ns
 *
 * Return: 1; 0 if there is no such frame; negative if something is wrong, which
 * the user has been told.
 */
static int dry_time(const struct dry_run *run, __u64 number, __u64 *now)
{
	char line[64];

	if (run->count && number > run->count)
		return 0;
	*now = (number - 1) * run->interval;
	if (!run->times)
		return 1;
	if (!fgets(line, sizeof(line), run->times))
		return 0;
	line[strcspn(line, "\n")] = '\0';
	if (vnet_word_read(VNET_NUMBER, line, now)) {
		dry_err("--times %s, line %llu: give a time in ns", run->name,
			(unsigned long long)number);
		return -1;
	}
	return 1;
}

/**
 * dry_print() - print the verdict on one frame
 * @run: how
 * @verdict: the verdict
 */
static void dry_print(const struct dry_run *run,
		      const struct vnet_verdict *verdict)
{
	static const char * const names[] = {
		"lost", "duplicated", "corrupted", "truncated", "reordered",
		"clamped",
	};
	const char *quote = run->json ? "\"" : "", *before = "";
	unsigned long long number = verdict->ordinal;

	if (run->json)
		printf("%s{\"frame\": %llu, \"marks\": [",
		       number == 1 ? "\n" : ",\n", number);
	else
		printf("%llu %s", number, verdict->marks ? "" : "-");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(verdict->marks & 1 << i))
			continue;
		printf("%s%s%s%s", before, quote, names[i], quote);
		before = run->json ? ", " : "|";
	}
	printf(run->json ? "], \"delay\": %llu}" : " %llu\n",
	       (unsigned long long)verdict->delay);
}

/**
 * dry_judge() - judge all frames, and print it
 * @run: what is to be done
 *
 * Return: what the program is to end with.
 */
static int dry_judge(const struct dry_run *run)
{
	struct dry_summary summary = {};
	struct vnet_verdict verdict;
	struct vnet_dice dice = {};
	__u64 now, number = 1;
	int more;

	if (run->json)
		printf("{\"frames\": [");
	while ((more = dry_time(run, number++, &now)) > 0) {
		vnet_judge(&run->impair, &dice, now, &verdict);
		dry_print(run, &verdict);
		if (run->summary && dry_note(&summary, &verdict)) {
			dry_err("there is no memory for so many frames");
			more = -1;
			break;
		}
	}
	if (run->json)
		printf("\n]");
	if (run->summary && !more)
		dry_summarize(&summary, run->json);
	if (run->json)
		printf("}\n");
	free(summary.delay);
	if (more)
		return DRY_BAD;
	if (fflush(stdout) || ferror(stdout)) {
		dry_err("cannot write: %s", strerror(errno));
		return 1;
	}
	return 0;
}

/**
 * main() - do what the command line asks for
 * @argc: number of words
 * @argv: the words
 *
 * Return: 0; 1 if it cannot write; 2 if the user is wrong.
 */
int main(int argc, char **argv)
{
	struct vnet_words words[2] = {};
	struct dry_run run = {};
	int taken, which;

	taken = dry_options(&run, argc, argv);
	if (taken <= 0)
		return taken ? DRY_BAD : 0;
	if (run.timed && run.times) {
		dry_err("give --interval or --times, not both");
		return DRY_BAD;
	}
	which = dry_words(&run, argc - taken, argv + taken, words);
	if (which < 0 || dry_settle(&run, &words[which]))
		return DRY_BAD;
	if (!run.count && !run.times)
		run.count = 100;
	return dry_judge(&run);
}
