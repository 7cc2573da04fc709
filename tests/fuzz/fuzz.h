/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: What the fuzzers share
 *
 * libFuzzer hands each fuzzer bytes that it makes up, and keeps those that
 * reach code which none has reached before. An input is eaten from its front;
 * behind its end there are zeros. What a fuzzer expects it says with must():
 * that, or a word from a sanitizer, ends it, and the input is kept.
 *
 * Next: ring.c, the smallest.
 */

#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

/* Ends the fuzzer if something is not true; stderr may be elsewhere. */
#define must(truth)							\
	do {								\
		if (!(truth)) {						\
			dprintf(2, "%s:%d: not so: %s\n", __FILE__,	\
				__LINE__, #truth);			\
			abort();					\
		}							\
	} while (0)

/**
 * struct fuzz_input - what is left of an input
 * @at: its bytes
 * @left: how many
 */
struct fuzz_input {
	const __u8 *at;
	size_t left;
};

int LLVMFuzzerTestOneInput(const __u8 *data, size_t size);

/**
 * fuzz_byte() - eat a byte
 * @in: the input
 *
 * Return: the byte.
 */
static inline __u8 fuzz_byte(struct fuzz_input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->at++;
}

/**
 * fuzz_number() - eat a number
 * @in: the input
 * @bytes: how many bytes it has, at most 8
 *
 * Return: the number.
 */
static inline __u64 fuzz_number(struct fuzz_input *in, unsigned int bytes)
{
	__u64 number = 0;

	for (unsigned int i = 0; i < bytes; i++)
		number |= (__u64)fuzz_byte(in) << (8 * i);
	return number;
}

/**
 * fuzz_text() - eat a text, and put it where a byte too far is seen
 * @in: the input
 * @size: how many bytes it has at most
 *
 * Return: the text, with a 0 behind it, to be freed.
 */
static inline char *fuzz_text(struct fuzz_input *in, size_t size)
{
	char *text;

	if (size > in->left)
		size = in->left;
	text = malloc(size + 1);
	must(text);
	if (size)
		memcpy(text, in->at, size);
	text[size] = '\0';
	in->at += size;
	in->left -= size;
	return text;
}

/**
 * fuzz_sentence() - look whether a refusal is as one should be
 * @why: what is said
 *
 * One sentence, as the kernel hands it on: without an end.
 */
static inline void fuzz_sentence(const char *why)
{
	must(why);
	must(strlen(why) > 10);
	must(!strchr(why, '\n'));
	must(why[strlen(why) - 1] != '.');
}

#endif /* FUZZ_FUZZ_H */
