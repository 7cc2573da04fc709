// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: The words for impairments: read and written
 *
 * To teach a new one, add a line to the table, and one to the usage.
 *
 * Whatever is wrong with a line gets one sentence.
 *
 * Next: link_vnet.c.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Tells the user what is wrong, in one sentence. */
#define vnet_err(format, ...) \
	fprintf(stderr, "vnet: " format "\n", ##__VA_ARGS__)

const char vnet_words_usage[] =
	"IMPAIRMENTS of the frames that an end sends:\n"
	"  delay TIME [ jitter TIME ] [ uniform | normal | pareto ]\n"
	"             [ half-life TIME ] [ keep-order ]\n"
	"  reorder PERCENT [ distance FRAMES ]\n"
	"  loss PERCENT [ burst FRAMES ]\n"
	"  loss ge [ p PERCENT ] [ r PERCENT ] [ bad PERCENT ] [ good PERCENT ]\n"
	"  loss 4state [ p13 PERCENT ] [ p31 PERCENT ] [ p32 PERCENT ]\n"
	"              [ p23 PERCENT ] [ p14 PERCENT ]\n"
	"  loss pattern FRAMES[/PERIOD]        such as 3,17-20/100\n"
	"  duplicate PERCENT [ copy-delay TIME ]\n"
	"  corrupt PERCENT [ bits NUMBER ] [ whole | header | payload ] [ repair ]\n"
	"  truncate PERCENT [ to BYTES ]\n"
	"  rate RATE [ overhead BYTES ] [ cell BYTES [ cell-overhead BYTES ] ]\n"
	"            [ queue PACKETS ] [ queue-bytes BYTES ] [ head-drop ]\n"
	"            [ ecn PACKETS ]\n"
	"  vlan [ match VID ] [ pop ] [ translate VID ] [ push VID ] [ pcp NUMBER ]\n"
	"       [ 802.1ad ]\n"
	"  flap UP DOWN                        times with and without a carrier\n"
	"  limit BYTES                         of memory for frames under way\n"
	"  seed NUMBER                         of all chance\n"
	"  clear                               all but the seed\n"
	"\n"
	"A new \"delay\", \"loss\", \"rate\" ... replaces the old one with all that\n"
	"follows it; \"loss 0%\", \"delay 0\", \"rate none\", \"flap none\" and \"vlan\"\n"
	"alone end it. What is left out is 0, but \"bad 100%\", \"to 14\", \"bits 1\",\n"
	"\"distance 1\", \"limit 256m\", and any seed.\n"
	"Times: ns, us, ms, s, and only 0 needs none. Rates: bit (as if not given),\n"
	"kbit, mbit, gbit, tbit; kibit and so on; bps, kbps ... are bytes a second.\n"
	"Bytes: k, m, g for 1024 and so on.\n";

static const struct vnet_word vnet_word_table[] = {
	{ "clear", VNET_IMPAIR_CLEAR, VNET_IS, 1 },
	{ "seed", VNET_IMPAIR_SEED, VNET_NUMBER, 0 },
	{ "limit", VNET_IMPAIR_LIMIT, VNET_BYTES, 0 },
	{ "delay", VNET_IMPAIR_DELAY, VNET_TIME, 0 },
	{ "jitter", VNET_IMPAIR_JITTER, VNET_TIME, 0 },
	{ "uniform", VNET_IMPAIR_DISTRIBUTION, VNET_IS, VNET_UNIFORM },
	{ "normal", VNET_IMPAIR_DISTRIBUTION, VNET_IS, VNET_NORMAL },
	{ "pareto", VNET_IMPAIR_DISTRIBUTION, VNET_IS, VNET_PARETO },
	{ "half-life", VNET_IMPAIR_HALF_LIFE, VNET_TIME, 0 },
	{ "keep-order", VNET_IMPAIR_KEEP_ORDER, VNET_IS, 1 },
	{ "reorder", VNET_IMPAIR_REORDER, VNET_PERCENT, 0 },
	{ "distance", VNET_IMPAIR_DISTANCE, VNET_NUMBER, 0 },
	{ "loss", VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_WORD, 0 },
	{ "burst", VNET_IMPAIR_BURST, VNET_THOUSANDTHS, 0 },
	{ "p", VNET_IMPAIR_P, VNET_PERCENT, 0 },
	{ "r", VNET_IMPAIR_R, VNET_PERCENT, 0 },
	{ "bad", VNET_IMPAIR_BAD, VNET_PERCENT, 0 },
	{ "good", VNET_IMPAIR_GOOD, VNET_PERCENT, 0 },
	{ "p13", VNET_IMPAIR_P13, VNET_PERCENT, 0 },
	{ "p31", VNET_IMPAIR_P31, VNET_PERCENT, 0 },
	{ "p32", VNET_IMPAIR_P32, VNET_PERCENT, 0 },
	{ "p23", VNET_IMPAIR_P23, VNET_PERCENT, 0 },
	{ "p14", VNET_IMPAIR_P14, VNET_PERCENT, 0 },
	{ "duplicate", VNET_IMPAIR_DUPLICATE, VNET_PERCENT, 0 },
	{ "copy-delay", VNET_IMPAIR_COPY_DELAY, VNET_TIME, 0 },
	{ "corrupt", VNET_IMPAIR_CORRUPT, VNET_PERCENT, 0 },
	{ "bits", VNET_IMPAIR_BITS, VNET_NUMBER, 0 },
	{ "whole", VNET_IMPAIR_WHERE, VNET_IS, VNET_CORRUPT_WHOLE },
	{ "header", VNET_IMPAIR_WHERE, VNET_IS, VNET_CORRUPT_HEADER },
	{ "payload", VNET_IMPAIR_WHERE, VNET_IS, VNET_CORRUPT_PAYLOAD },
	{ "repair", VNET_IMPAIR_REPAIR, VNET_IS, 1 },
	{ "truncate", VNET_IMPAIR_TRUNCATE, VNET_PERCENT, 0 },
	{ "to", VNET_IMPAIR_LENGTH, VNET_BYTES, 0 },
	{ "rate", VNET_IMPAIR_RATE, VNET_BITRATE, 0 },
	{ "overhead", VNET_IMPAIR_OVERHEAD, VNET_BYTES, 0 },
	{ "cell", VNET_IMPAIR_CELL, VNET_BYTES, 0 },
	{ "cell-overhead", VNET_IMPAIR_CELL_OVERHEAD, VNET_BYTES, 0 },
	{ "queue", VNET_IMPAIR_QUEUE, VNET_NUMBER, 0 },
	{ "queue-bytes", VNET_IMPAIR_QUEUE_BYTES, VNET_BYTES, 0 },
	{ "head-drop", VNET_IMPAIR_HEAD_DROP, VNET_IS, 1 },
	{ "ecn", VNET_IMPAIR_ECN, VNET_NUMBER, 0 },
	{ "vlan", VNET_IMPAIR_VLAN_MATCH, VNET_VLAN_WORD, 0 },
	{ "match", VNET_IMPAIR_VLAN_MATCH, VNET_NUMBER, 0 },
	{ "pop", VNET_IMPAIR_VLAN_POP, VNET_IS, 1 },
	{ "translate", VNET_IMPAIR_VLAN_TRANSLATE, VNET_NUMBER, 0 },
	{ "push", VNET_IMPAIR_VLAN_PUSH, VNET_NUMBER, 0 },
	{ "pcp", VNET_IMPAIR_VLAN_PCP, VNET_NUMBER, 0 },
	{ "802.1ad", VNET_IMPAIR_VLAN_PROTO, VNET_IS, 0x88a8 },
	{ "flap", VNET_IMPAIR_FLAP_UP, VNET_FLAP_WORD, 0 },
};

/**
 * struct vnet_suffix - a unit behind a number
 * @name: the unit
 * @times: what it stands for; 0 if only 0 needs no unit
 */
struct vnet_suffix {
	const char *name;
	__u64 times;
};

static const struct vnet_suffix vnet_times[] = {
	{ "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
	{ "", 0 }, {}
};

static const struct vnet_suffix vnet_percents[] = {
	{ "%", 10000000 }, {}
};

static const struct vnet_suffix vnet_sizes[] = {
	{ "b", 1 }, { "k", 1 << 10 }, { "kb", 1 << 10 }, { "kib", 1 << 10 },
	{ "m", 1 << 20 }, { "mb", 1 << 20 }, { "mib", 1 << 20 },
	{ "g", 1 << 30 }, { "gb", 1 << 30 }, { "gib", 1 << 30 }, { "", 1 }, {}
};

static const struct vnet_suffix vnet_rates[] = {
	{ "bit", 1 }, { "kbit", 1000 }, { "mbit", 1000000 },
	{ "gbit", 1000000000 }, { "tbit", 1000000000000 },
	{ "kibit", 1 << 10 }, { "mibit", 1 << 20 }, { "gibit", 1 << 30 },
	{ "bps", 8 }, { "kbps", 8000 }, { "mbps", 8000000 },
	{ "gbps", 8000000000 }, { "", 1 }, {}
};

static const struct vnet_suffix vnet_plain[] = { { "", 1 }, {} };
static const struct vnet_suffix vnet_thousandths[] = { { "", 1000 }, {} };

/* How numbers are written, by unit. */
static const struct {
	const struct vnet_suffix *suffix;
	const char *give;
} vnet_units[] = {
	[VNET_NUMBER] = { vnet_plain, "a whole number below 2^64" },
	[VNET_THOUSANDTHS] = { vnet_thousandths,
			       "a number with at most three decimals" },
	[VNET_TIME] = { vnet_times, "a time in ns, us, ms or s, such as 20ms" },
	[VNET_PERCENT] = { vnet_percents,
			   "0% to 100%, with at most seven decimals" },
	[VNET_BYTES] = { vnet_sizes, "a number of bytes, such as 1500 or 64k" },
	[VNET_BITRATE] = { vnet_rates,
			   "a rate up to 1000tbit, such as 50mbit, or none" },
};

/**
 * vnet_read_decimals() - read what stands behind the decimal point
 * @text: where it is; moved behind it
 * @times: what a whole is
 * @value: what it is added to
 *
 * Return: false if it is no part of a whole, or all is too large.
 */
static bool vnet_read_decimals(const char **text, __u64 times, __u64 *value)
{
	while (**text >= '0' && **text <= '9') {
		int digit = *(*text)++ - '0';

		if (digit && (!times || times % 10))
			return false;
		times /= 10;
		if (__builtin_add_overflow(*value, digit * times, value))
			return false;
	}
	return true;
}

/**
 * vnet_read() - read a number with a unit
 * @text: the number
 * @suffix: the units there are
 * @value: where to put it
 *
 * Without floating point: what is written is what is sent.
 *
 * Return: false if it is none, or too large.
 */
static bool vnet_read(const char *text, const struct vnet_suffix *suffix,
		      __u64 *value)
{
	const char *unit, *decimals;
	unsigned long long whole;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	whole = strtoull(text, &end, 10);
	if (errno)
		return false;
	decimals = end;
	unit = end + (*end == '.');
	unit += *end == '.' ? strspn(unit, "0123456789") : 0;
	for (; suffix->name; suffix++) {
		if (strcasecmp(unit, suffix->name))
			continue;
		if (__builtin_mul_overflow(whole, suffix->times, value) ||
		    (whole && !suffix->times))
			return false;
		if (*decimals != '.')
			return true;
		decimals++;
		return vnet_read_decimals(&decimals, suffix->times, value) &&
		       decimals == unit;
	}
	return false;
}

/**
 * vnet_word_read() - read a number as it may stand behind a word
 * @unit: what the word is about: VNET_NUMBER to VNET_BITRATE
 * @text: the number
 * @value: where to put it
 *
 * Return: NULL, or what is to be given instead.
 */
const char *vnet_word_read(enum vnet_unit unit, const char *text, __u64 *value)
{
	if (unit == VNET_BITRATE && !strcmp(text, "none")) {
		*value = VNET_RATE_NONE;
		return NULL;
	}
	return vnet_read(text, vnet_units[unit].suffix, value) ?
	       NULL : vnet_units[unit].give;
}

/**
 * vnet_word_find() - look a word up
 * @name: the word
 *
 * Return: its place in the table, or NULL if it is not there.
 */
const struct vnet_word *vnet_word_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(vnet_word_table); i++) {
		if (!strcmp(name, vnet_word_table[i].name))
			return &vnet_word_table[i];
	}
	return NULL;
}

/**
 * vnet_words_set() - note what is asked for
 * @words: where
 * @attr: VNET_IMPAIR_*
 * @value: its value
 */
static void vnet_words_set(struct vnet_words *words, unsigned int attr,
			   __u64 value)
{
	words->given[attr] = true;
	words->value[attr] = value;
	words->any = true;
}

/**
 * vnet_next() - take the next word of a line
 * @argc: number of words left
 * @argv: the words left
 * @after: the word before, for what is said if there is none
 * @give: what should be there
 *
 * Return: the word; NULL if there is none, and the user has been told.
 */
static const char *vnet_next(int *argc, char ***argv, const char *after,
			     const char *give)
{
	if (!*argc) {
		vnet_err("\"%s\" lacks a value: give %s", after, give);
		return NULL;
	}
	(*argc)--;
	return *(*argv)++;
}

/**
 * vnet_take_number() - take a number behind a word
 * @words: where to note it
 * @word: the word
 * @text: the number
 *
 * Return: 0, or negative if it is none, which it has told the user.
 */
static int vnet_take_number(struct vnet_words *words,
			    const struct vnet_word *word, const char *text)
{
	const char *give;
	__u64 value;

	give = vnet_word_read(word->unit, text, &value);
	if (give) {
		vnet_err("\"%s %s\": give %s", word->name, text, give);
		return -1;
	}
	/* For the kernel, these stand for none. */
	if ((word->attr == VNET_IMPAIR_VLAN_PCP && value == VNET_PCP_KEEP) ||
	    (word->attr >= VNET_IMPAIR_VLAN_MATCH &&
	     word->attr <= VNET_IMPAIR_VLAN_PUSH && value == VNET_VLAN_NONE)) {
		vnet_err("\"%s %s\": give %s", word->name, text,
			 value == VNET_PCP_KEEP ? "a priority of 0 to 7" :
						  "a VID of 0 to 4094");
		return -1;
	}
	if (word->attr == VNET_IMPAIR_BURST &&
	    !words->given[VNET_IMPAIR_LOSS]) {
		vnet_err("\"burst\" belongs behind \"loss PERCENT\"");
		return -1;
	}
	vnet_words_set(words, word->attr, value);
	if (word->attr == VNET_IMPAIR_BURST)
		vnet_words_set(words, VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_BURST);
	return 0;
}

/**
 * vnet_take_loss() - take what stands behind "loss"
 * @words: where to note it
 * @text: the word behind it
 * @argc: number of words left
 * @argv: the words left
 *
 * Return: 0, or negative if something is wrong, which it has told the user.
 */
static int vnet_take_loss(struct vnet_words *words, const char *text,
			  int *argc, char ***argv)
{
	unsigned int model = VNET_LOSS_RANDOM;
	__u64 value;

	if (!strcmp(text, "none")) {
		model = VNET_LOSS_NONE;
	} else if (!strcmp(text, "ge")) {
		model = VNET_LOSS_GE;
	} else if (!strcmp(text, "4state")) {
		model = VNET_LOSS_4STATE;
	} else if (!strcmp(text, "pattern")) {
		model = VNET_LOSS_PATTERN;
		words->text = vnet_next(argc, argv, "loss pattern",
					"frames, such as 3,17-20/100");
		if (!words->text)
			return -1;
		if (strlen(words->text) >= VNET_PATTERN_LEN) {
			vnet_err("\"loss pattern\": give at most %d characters",
				 VNET_PATTERN_LEN - 1);
			return -1;
		}
	} else if (vnet_read(text, vnet_percents, &value)) {
		vnet_words_set(words, VNET_IMPAIR_LOSS, value);
		if (!value)
			model = VNET_LOSS_NONE;
	} else {
		vnet_err("\"loss %s\": give %s, or ge, 4state, pattern or none",
			 text, vnet_units[VNET_PERCENT].give);
		return -1;
	}
	vnet_words_set(words, VNET_IMPAIR_LOSS_MODEL, model);
	return 0;
}

/**
 * vnet_take_flap() - take what stands behind "flap"
 * @words: where to note it
 * @text: the word behind it
 * @argc: number of words left
 * @argv: the words left
 *
 * Return: 0, or negative if something is wrong, which it has told the user.
 */
static int vnet_take_flap(struct vnet_words *words, const char *text,
			  int *argc, char ***argv)
{
	static const char give[] = "two times, such as 10s 500ms, or none";
	__u64 up = 0, down = 0;

	if (strcmp(text, "none")) {
		if (!vnet_read(text, vnet_times, &up)) {
			vnet_err("\"flap %s\": give %s", text, give);
			return -1;
		}
		text = vnet_next(argc, argv, "flap", give);
		if (!text)
			return -1;
		if (!vnet_read(text, vnet_times, &down)) {
			vnet_err("\"flap ... %s\": give %s", text, give);
			return -1;
		}
	}
	vnet_words_set(words, VNET_IMPAIR_FLAP_UP, up);
	vnet_words_set(words, VNET_IMPAIR_FLAP_DOWN, down);
	return 0;
}

/**
 * vnet_words_take() - take a word of the table, and what follows it
 * @words: where to note it
 * @argc: number of words left, the first being in the table
 * @argv: the words left
 *
 * Return: 0, or negative if something is wrong, which it has told the user.
 */
int vnet_words_take(struct vnet_words *words, int *argc, char ***argv)
{
	const struct vnet_word *word = vnet_word_find(**argv);
	const char *text;

	/* "loss 1% burst 4" gives a model twice, "vlan match 5" a VID. */
	if (words->given[word->attr] &&
	    (!words->vlan || strcmp(word->name, "match"))) {
		vnet_err("\"%s\": that is given twice", word->name);
		return -1;
	}
	if (word->attr == VNET_IMPAIR_VLAN_MATCH)
		words->vlan = word->unit == VNET_VLAN_WORD;
	(*argc)--;
	(*argv)++;
	if (word->unit == VNET_IS || word->unit == VNET_VLAN_WORD) {
		vnet_words_set(words, word->attr, word->unit == VNET_IS ?
			       word->is : VNET_VLAN_NONE);
		return 0;
	}
	text = vnet_next(argc, argv, word->name,
			 word->unit == VNET_LOSS_WORD ?
				"a probability, ge, 4state, pattern or none" :
			 word->unit == VNET_FLAP_WORD ?
				"two times, such as 10s 500ms, or none" :
				vnet_units[word->unit].give);
	if (!text)
		return -1;
	if (word->unit == VNET_LOSS_WORD)
		return vnet_take_loss(words, text, argc, argv);
	if (word->unit == VNET_FLAP_WORD)
		return vnet_take_flap(words, text, argc, argv);
	return vnet_take_number(words, word, text);
}

/**
 * vnet_word_for() - the word that stands for an attribute's value
 * @attr: VNET_IMPAIR_*
 * @value: its value
 *
 * Return: the word, or NULL if there is none of its own.
 */
const struct vnet_word *vnet_word_for(unsigned int attr, __u64 value)
{
	for (size_t i = 0; i < ARRAY_SIZE(vnet_word_table); i++) {
		const struct vnet_word *word = &vnet_word_table[i];

		if (word->attr == attr && word->unit != VNET_VLAN_WORD &&
		    (word->unit != VNET_IS || word->is == value))
			return word;
	}
	return NULL;
}

/**
 * vnet_write() - write a number with a unit
 * @value: the number
 * @times: what the unit stands for
 * @suffix: the unit
 * @text: where to write
 * @size: room there
 */
static void vnet_write(__u64 value, __u64 times, const char *suffix,
		       char *text, unsigned int size)
{
	char decimals[32] = "";
	__u64 rest = value % times;
	int n = 0;

	if (rest) {
		decimals[n++] = '.';
		while (rest) {
			rest *= 10;
			decimals[n++] = '0' + rest / times;
			rest %= times;
		}
		decimals[n] = '\0';
	}
	snprintf(text, size, "%llu%s%s", (unsigned long long)(value / times),
		 decimals, suffix);
}

/**
 * vnet_word_text() - write a value as it can be read again
 * @word: its word
 * @value: the value
 * @text: where to write
 * @size: room there
 */
void vnet_word_text(const struct vnet_word *word, __u64 value, char *text,
		    unsigned int size)
{
	switch (word->unit) {
	case VNET_TIME:
		if (value >= 1000000000)
			vnet_write(value, 1000000000, "s", text, size);
		else if (value >= 1000000)
			vnet_write(value, 1000000, "ms", text, size);
		else if (value >= 1000)
			vnet_write(value, 1000, "us", text, size);
		else
			vnet_write(value, 1, "ns", text, size);
		break;
	case VNET_PERCENT:
		vnet_write(value, 10000000, "%", text, size);
		break;
	case VNET_THOUSANDTHS:
		vnet_write(value, 1000, "", text, size);
		break;
	case VNET_BITRATE:
		if (value == VNET_RATE_NONE)
			snprintf(text, size, "none");
		else if (value >= 1000000000)
			vnet_write(value, 1000000000, "gbit", text, size);
		else if (value >= 1000000)
			vnet_write(value, 1000000, "mbit", text, size);
		else
			vnet_write(value, 1, "bit", text, size);
		break;
	default:
		vnet_write(value, 1, "", text, size);
	}
}
