/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: The words for impairments
 *
 * "delay 20ms jitter 2ms normal rate 50mbit": a table joins words, attributes
 * (VNET_IMPAIR_*) and units. ip's plugin and vnet-dryrun read lines by it, and
 * the plugin prints settings by it.
 *
 * Next: words.c.
 */

#ifndef VNET_WORDS_H
#define VNET_WORDS_H

#include <stdbool.h>
#include <linux/types.h>

#include "uapi/vnet.h"

/**
 * enum vnet_unit - what follows a word
 * @VNET_IS: nothing; the word itself is the value
 * @VNET_NUMBER: a number
 * @VNET_THOUSANDTHS: a number with up to three decimals
 * @VNET_TIME: a time, with a unit unless it is 0
 * @VNET_PERCENT: a probability
 * @VNET_BYTES: bytes
 * @VNET_BITRATE: bits a second, or "none"
 * @VNET_LOSS_WORD: what loss is like
 * @VNET_FLAP_WORD: two times, or "none"
 * @VNET_VLAN_WORD: nothing; VLAN's other words follow
 */
enum vnet_unit {
	VNET_IS,
	VNET_NUMBER,
	VNET_THOUSANDTHS,
	VNET_TIME,
	VNET_PERCENT,
	VNET_BYTES,
	VNET_BITRATE,
	VNET_LOSS_WORD,
	VNET_FLAP_WORD,
	VNET_VLAN_WORD,
};

/**
 * struct vnet_word - a word for an impairment
 * @name: the word
 * @attr: what it sets, VNET_IMPAIR_*
 * @unit: what follows it
 * @is: the value, for VNET_IS
 */
struct vnet_word {
	const char *name;
	unsigned int attr;
	enum vnet_unit unit;
	__u64 is;
};

/**
 * struct vnet_words - what a line of words asks for
 * @given: which attributes, VNET_IMPAIR_*
 * @value: their values
 * @text: VNET_IMPAIR_PATTERN, or NULL
 * @any: there was a word at all
 * @vlan: "vlan" was there, and no VID behind it as yet
 */
struct vnet_words {
	bool given[VNET_IMPAIR_PATTERN];
	__u64 value[VNET_IMPAIR_PATTERN];
	const char *text;
	bool any;
	bool vlan;
};

extern const char vnet_words_usage[];

const char *vnet_word_read(enum vnet_unit unit, const char *text, __u64 *value);
const struct vnet_word *vnet_word_find(const char *name);
int vnet_words_take(struct vnet_words *words, int *argc, char ***argv);
const struct vnet_word *vnet_word_for(unsigned int attr, __u64 value);
void vnet_word_text(const struct vnet_word *word, __u64 value, char *text,
		    unsigned int size);

#endif /* VNET_WORDS_H */
