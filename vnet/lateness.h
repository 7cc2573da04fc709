/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: How late frames were
 *
 * A histogram whose columns are as wide as an eighth of what they stand for,
 * so that a quantile read from it is off by at most 12.5 %. Pure; runs in user
 * space too.
 *
 * Next: line_out.c, which fills it; stats.c, which reads it.
 */

#ifndef VNET_LATENESS_H
#define VNET_LATENESS_H

#include <linux/bitops.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/types.h>

/* One column for each of 0 to 7 ns, then 8 for each power of two. */
#define VNET_LATENESS_COLUMNS (8 + 61 * 8)

/* Eight columns together: those of a power of two, the first for 0 to 7 ns. */
#define VNET_LATENESS_OCTAVES (VNET_LATENESS_COLUMNS / 8)

/**
 * struct vnet_lateness - how late frames were
 * @count: frames in each column
 * @max: the most that any was, in ns
 */
struct vnet_lateness {
	__u64 count[VNET_LATENESS_COLUMNS];
	__u64 max;
};

/**
 * vnet_lateness_column() - the column for a time
 * @ns: the time
 *
 * Context: Any.
 * Return: its number.
 */
static inline unsigned int vnet_lateness_column(__u64 ns)
{
	unsigned int power;

	if (ns < 8)
		return ns;
	power = fls64(ns) - 1;
	return 8 * (power - 2) + ((ns >> (power - 3)) & 7);
}

/**
 * vnet_lateness_end() - the longest time in a column
 * @column: its number
 *
 * Context: Any.
 * Return: ns.
 */
static inline __u64 vnet_lateness_end(unsigned int column)
{
	unsigned int power = column / 8 + 2;

	if (column < 8)
		return column;
	return ((8ULL + column % 8 + 1) << (power - 3)) - 1;
}

/**
 * vnet_lateness_note() - note how late a frame was
 * @lateness: where
 * @ns: by how much
 *
 * Context: Any; one at a time.
 */
static inline void vnet_lateness_note(struct vnet_lateness *lateness, __u64 ns)
{
	lateness->count[vnet_lateness_column(ns)]++;
	if (ns > lateness->max)
		lateness->max = ns;
}

/**
 * vnet_lateness_octave() - how many frames are in eight columns together
 * @lateness: where it was noted
 * @octave: which eight, less than VNET_LATENESS_OCTAVES
 *
 * Context: Any; a good guess while frames are noted.
 * Return: their number.
 */
static inline __u64 vnet_lateness_octave(const struct vnet_lateness *lateness,
					 unsigned int octave)
{
	__u64 frames = 0;
	unsigned int i;

	for (i = 0; i < 8; i++)
		frames += lateness->count[8 * octave + i];
	return frames;
}

/**
 * vnet_lateness_octaves() - how many octaves there are, up to the longest time
 * @l: where it was noted
 *
 * Context: Any; a good guess while frames are noted.
 * Return: their number, at least 1.
 */
static inline unsigned int vnet_lateness_octaves(const struct vnet_lateness *l)
{
	return vnet_lateness_column(l->max) / 8 + 1;
}

/**
 * vnet_lateness_quantile() - by how much at most some of the frames were late
 * @lateness: where it was noted
 * @percent: how many of 100
 *
 * Context: Any; a good guess while frames are noted.
 * Return: ns; 0 if there was no frame.
 */
static inline __u64 vnet_lateness_quantile(const struct vnet_lateness *lateness,
					   unsigned int percent)
{
	__u64 all = 0, seen = 0;
	unsigned int i;

	for (i = 0; i < VNET_LATENESS_COLUMNS; i++)
		all += lateness->count[i];
	for (i = 0; all && i < VNET_LATENESS_COLUMNS; i++) {
		seen += lateness->count[i];
		if (seen * 100 >= all * percent)
			return min(vnet_lateness_end(i), lateness->max);
	}
	return 0;
}

#endif /* VNET_LATENESS_H */
