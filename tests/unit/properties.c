// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: That chance is as it was asked for
 *
 * Ten million verdicts a case, or as many as the argument says; what has come
 * of them must lie within what chance allows in 999 of 1000 cases. The seeds
 * are fixed, so the outcome is always the same. A line for each property:
 * what was asked for, what it came to, by how much it may differ, and BAD if it
 * differs by more.
 *
 * With "wrong" as second argument all is compared with 5 % more than was asked
 * for, and nearly all must be BAD: that shows that this can fail.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "impair.h"
#include "words.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Standard deviations that chance exceeds, to either side, once in 1000. */
#define SIGMAS 3.2905

/* The same for Kolmogorov's and Smirnov's distance, times sqrt(n). */
#define KOLMOGOROV 1.9495

/* Parts into which a case is cut, to see how far they differ. */
#define BATCHES 1000

/* Columns in which delays are counted. */
#define BINS 4096

/* A probability of which ten million verdicts see one, or two, or none. */
#define TINY 0.0000001

/* Number of marks. */
#define MARKS 6

static unsigned long long draws = 10000000;
static double wrong = 1;
static int bad;

/**
 * check() - compare, and print a line
 * @line: the settings
 * @what: what is compared
 * @asked: what was asked for
 * @realized: what it came to
 * @bound: by how much that may differ
 */
static void check(const char *line, const char *what, double asked,
		  double realized, double bound)
{
	bool good = fabs(realized - asked * wrong) <= bound;

	printf("%s: %s asked %.9g realized %.9g bound %.3g%s\n", line, what,
	       asked, realized, bound, good ? "" : " BAD");
	bad += !good;
}

/**
 * settings() - make settings from words
 * @line: the words, as behind "type vnet"
 * @impair: where to put them
 */
static void settings(const char *line, struct vnet_impair *impair)
{
	char *copy = strdup(line), *rest = copy, *word, *argv[40], **at = argv;
	struct vnet_words words = {};
	struct vnet_refusal refusal;
	struct vnet_asked asked;
	int argc = 0;

	while ((word = strsep(&rest, " ")))
		argv[argc++] = word;
	while (argc)
		if (!vnet_word_find(*at) || vnet_words_take(&words, &argc, &at))
			exit(2);
	memcpy(asked.given, words.given, sizeof(asked.given));
	memcpy(asked.value, words.value, sizeof(asked.value));
	asked.text = words.text;
	vnet_impair_init(impair, 0, 1);
	if (vnet_impair_apply(impair, &asked, &refusal)) {
		fprintf(stderr, "%s: %s\n", line, refusal.why);
		exit(2);
	}
	free(copy);
}

/**
 * struct tally - what has come of the marks
 * @marked: how many frames had each
 * @bursts: how often losses began
 * @spread: standard deviation of the share of lost frames, from batches
 */
struct tally {
	unsigned long long marked[MARKS];
	unsigned long long bursts;
	double spread;
};

/**
 * tally_marks() - judge frames, and count
 * @line: the settings
 * @tally: where to put it
 */
static void tally_marks(const char *line, struct tally *tally)
{
	unsigned long long batch = draws / BATCHES, lost, before = 0;
	struct vnet_verdict verdict = {};
	struct vnet_dice dice = {};
	struct vnet_impair impair;
	double sum = 0, square = 0;

	settings(line, &impair);
	memset(tally, 0, sizeof(*tally));
	for (int i = 0; i < BATCHES; i++) {
		lost = 0;
		for (unsigned long long j = 0; j < batch; j++) {
			vnet_judge(&impair, &dice, 0, &verdict);
			lost += verdict.marks & VNET_LOST;
			tally->bursts += verdict.marks & ~before & VNET_LOST;
			before = verdict.marks;
			for (int k = 1; k < MARKS; k++)
				tally->marked[k] += verdict.marks >> k & 1;
		}
		tally->marked[0] += lost;
		sum += lost;
		square += (double)lost * lost;
	}
	sum /= BATCHES;
	tally->spread = sqrt((square / BATCHES - sum * sum) / (BATCHES - 1)) /
			batch;
}

/**
 * binomial_bound() - by how much a share may differ
 * @p: its probability
 * @n: of so many
 *
 * Where few are expected, by Poisson's distribution, whose sides differ.
 *
 * Return: the bound.
 */
static double binomial_bound(double p, double n)
{
	double all = 0, term = exp(-n * p), k = 0;

	if (n * p >= 500)
		return SIGMAS * sqrt(p * (1 - p) / n);
	for (; all + term < 0.9995; k++) {
		all += term;
		term *= n * p / (k + 1);
	}
	return fmax(k - n * p, SIGMAS * sqrt(n * p)) / n;
}

static const struct {
	const char *line;
	double loss;
	double burst; /* mean number of losses in a row; 0 if not to be seen */
	bool chain; /* losses depend on each other */
} losses[] = {
	{ "loss 0.0000100%", TINY, 0, false },
	{ "loss 0.3%", 0.003, 1 / 0.997, false },
	{ "loss 1%", 0.01, 1 / 0.99, false },
	{ "loss 50%", 0.5, 2, false },
	{ "loss 99.9%", 0.999, 1000, false },
	/* netem's "loss 1% 25%" and the like. */
	{ "loss 1% burst 1.333", 0.01, 1.333, true },
	{ "loss 0.3% burst 1.333", 0.003, 1.333, true },
	{ "loss 0.3% burst 4", 0.003, 4, true },
	{ "loss 10% burst 2", 0.1, 2, true },
	{ "loss 1% burst 1", 0.01, 1, true },
	{ "loss 30% burst 30", 0.3, 30, true },
	{ "loss 99.9% burst 1500", 0.999, 1500, true },
	{ "loss ge p 1% r 25%", 1 / 26., 4, true },
	{ "loss ge p 1% r 10% bad 50% good 0.1%",
	  (0.5 * 1 + 0.001 * 10) / 11, 0, true },
	{ "loss ge p 90% r 80% bad 20% good 70%",
	  (0.2 * 9 + 0.7 * 8) / 17, 0, true },
	{ "loss 4state p13 1% p31 25%", 0.01 / 0.26, 4, true },
	{ "loss 4state p13 1% p31 20% p32 30% p23 40% p14 0.5%",
	  (0.05 + 0.005) / (1.005 + 0.05 * 1.75), 0, true },
	{ "loss 4state p13 20% p31 10% p32 90% p23 5% p14 30%",
	  (2 + 0.3) / (1.3 + 2 * 19), 0, true },
	{ "loss pattern 3,17-20/100", 0.05, 2.5, true },
};

/**
 * check_losses() - how many frames are lost, and how many in a row
 */
static void check_losses(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		double burst = losses[i].burst, p = losses[i].loss, n = draws;
		const char *line = losses[i].line;
		struct tally tally;

		tally_marks(line, &tally);
		check(line, "loss", p, tally.marked[0] / n, losses[i].chain ?
		      SIGMAS * tally.spread + TINY : binomial_bound(p, n));
		if (!burst || !tally.bursts)
			continue;
		/* How long a burst is has a geometric distribution. */
		check(line, "burst", burst,
		      (double)tally.marked[0] / tally.bursts,
		      SIGMAS * sqrt(burst * (burst - 1) / tally.bursts) + TINY);
	}
}

static const struct {
	const char *line;
	double marked[MARKS];
} marks[] = {
	{ "duplicate 0.3% corrupt 25% truncate 0.00001% reorder 99.9%",
	  { 0, 0.003, 0.25, TINY, 0.999, 0 } },
	{ "duplicate 99.9% corrupt 0.00001% truncate 10% reorder 1% loss 5%",
	  { 0.05, 0.999, TINY, 0.1, 0.01, 0 } },
	{ "delay 4ms jitter 1ms normal", { 0, 0, 0, 0, 0, 0.0000316712 } },
};

/**
 * check_marks() - how many frames have each of the other marks
 */
static void check_marks(void)
{
	static const char * const names[] = {
		"lost", "duplicated", "corrupted", "truncated", "reordered",
		"clamped",
	};

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		struct tally tally;

		tally_marks(marks[i].line, &tally);
		for (int j = 0; j < MARKS; j++) {
			double p = marks[i].marked[j];

			if (!p && !tally.marked[j])
				continue;
			check(marks[i].line, names[j], p,
			      tally.marked[j] / (double)draws,
			      binomial_bound(p, draws));
		}
	}
}

/* What a delay may be like: its distribution function, and its 4th moment. */

/**
 * uniform_below() - what is below, evenly from -1 to 1
 * @x: standard deviations of a jitter of 1
 *
 * Return: the probability.
 */
static double uniform_below(double x)
{
	return fmin(1, fmax(0, (1 + x) / 2));
}

/**
 * normal_below() - what is below, normally
 * @x: standard deviations
 *
 * Return: the probability.
 */
static double normal_below(double x)
{
	return erfc(-x / sqrt(2)) / 2;
}

/* Pareto's tail ends where one frame in 2^32 would be. */
#define PARETO_END (1 / 4294967296.)

/**
 * pareto_below() - what is below, by Pareto of shape 3
 * @x: standard deviations from the mean
 *
 * Return: the probability.
 */
static double pareto_below(double x)
{
	double mean = 1.5 - pow(PARETO_END, 2 / 3.) / 2;
	double deviation = sqrt(3 - 2 * cbrt(PARETO_END) - mean * mean);
	double quantile = mean + x * deviation;

	return quantile <= 1 ? 0 : 1 - pow(quantile, -3);
}

/**
 * struct spread - one way in which delays are spread
 * @below: the probability to be below so many jitters
 * @deviation: its standard deviation, in jitters
 * @kurtosis: its fourth moment, in standard deviations
 */
struct spread {
	double (*below)(double x);
	double deviation;
	double kurtosis;
};

static const struct spread uniform = { uniform_below, 0.577350269, 1.8 };
static const struct spread normal = { normal_below, 1, 3 };
static const struct spread pareto = { pareto_below, 1, 11550 };

static const struct {
	const char *line;
	const struct spread *spread;
	double mean; /* in ns */
	double jitter; /* in ns */
	double gap[2]; /* in half-lives, in turn; 0 if each is on its own */
	double share; /* of so many frames is one as good as on its own */
} delays[] = {
	{ "delay 20ms jitter 5ms", &uniform, 20e6, 5e6, {}, 1 },
	{ "delay 3600s jitter 3600s", &uniform, 36e11, 36e11, {}, 1 },
	{ "delay 20ms jitter 2ms normal", &normal, 20e6, 2e6, {}, 1 },
	{ "delay 3600s jitter 900s normal", &normal, 36e11, 9e11, {}, 1 },
	{ "delay 10us jitter 1us normal", &normal, 1e4, 1e3, {}, 1 },
	{ "delay 20ms jitter 5ms pareto", &pareto, 20e6, 5e6, {}, 1 },
	{ "delay 10ms jitter 17.2ms pareto", &pareto, 1e7, 172e5, {}, 1 },
	{ "delay 20ms jitter 5ms half-life 8ms", &uniform, 20e6, 5e6,
	  { 0.125, 0.125 }, 24 },
	{ "delay 20ms jitter 2ms normal half-life 8ms", &normal, 20e6, 2e6,
	  { 0.125, 0.125 }, 24 },
	{ "delay 20ms jitter 2ms normal half-life 80ms", &normal, 20e6, 2e6,
	  { 0.0125, 2 }, 4 },
	{ "delay 20ms jitter 5ms pareto half-life 8ms", &pareto, 20e6, 5e6,
	  { 0.125, 0.125 }, 24 },
};

/**
 * struct course - how the delays of a case went
 * @mean: their mean deviation from the mean, in jitters
 * @square: the mean of its square
 * @lag: that of its product with the one before, and with the 8th before
 * @bin: how many there were, from -8 jitters on, each 1/256 jitter wide
 */
struct course {
	double mean;
	double square;
	double lag[2];
	unsigned int bin[BINS];
};

/**
 * run_delays() - judge frames, and note their delays
 * @i: which case
 * @course: where to note them
 */
static void run_delays(size_t i, struct course *course)
{
	double jitter = delays[i].jitter, past[8] = {}, x;
	struct vnet_verdict verdict;
	struct vnet_dice dice = {};
	struct vnet_impair impair;
	__u64 now = 0, half_life;

	settings(delays[i].line, &impair);
	half_life = impair.set[VNET_IMPAIR_HALF_LIFE];
	memset(course, 0, sizeof(*course));
	for (unsigned long long j = 0; j < draws; j++) {
		vnet_judge(&impair, &dice, now, &verdict);
		now += half_life * delays[i].gap[j & 1];
		x = ((double)verdict.delay - delays[i].mean) / jitter;
		course->mean += x;
		course->square += x * x;
		course->lag[0] += x * past[(j - 1) & 7];
		course->lag[1] += x * past[j & 7];
		past[j & 7] = x;
		x = floor((x + 8) * 256);
		course->bin[x < 0 ? 0 : x < BINS ? (int)x : BINS - 1]++;
	}
	course->mean /= draws;
	course->square /= draws;
	course->lag[0] /= draws;
	course->lag[1] /= draws;
}

/**
 * distance() - Kolmogorov's and Smirnov's distance from a distribution
 * @course: the delays
 * @spread: the distribution
 * @rounding: half of a ns, in jitters: a delay is a whole number of them
 *
 * Return: the largest difference between the two distribution functions, where
 * the bins meet.
 */
static double distance(const struct course *course, const struct spread *spread,
		       double rounding)
{
	double below = 0, worst = 0, edge, away;

	for (int i = 0; i < BINS - 1; i++) {
		below += course->bin[i] / (double)draws;
		edge = (i + 1) / 256. - 8;
		away = fmin(fabs(below - spread->below(edge)),
			    fabs(below - spread->below(edge + rounding)));
		worst = fmax(worst, away);
	}
	return worst;
}

/**
 * check_course() - how a normal delay depends on the one before
 * @line: the settings
 * @course: the delays
 * @lag: which of @course's
 * @remains: what is left of a delay from one frame to the next
 * @frames: after so many frames
 *
 * The bound is Bartlett's, for a process that forgets.
 */
static void check_course(const char *line, const struct course *course, int lag,
			 double remains, int frames)
{
	double square = remains * remains, left = pow(square, frames);
	double variance = (1 + square) * (1 - left) / (1 - square) -
			  2 * frames * left;

	check(line, frames == 1 ? "correlation" : "correlation of the 8th",
	      pow(remains, frames),
	      (course->lag[lag] - course->mean * course->mean) /
	      (course->square - course->mean * course->mean),
	      SIGMAS * sqrt(variance / draws));
}

/**
 * check_delays() - mean, spread and distribution of delays, and their course
 */
static void check_delays(void)
{
	static struct course course;

	for (size_t i = 0; i < ARRAY_SIZE(delays); i++) {
		const struct spread *spread = delays[i].spread;
		double jitter = delays[i].jitter, mean = delays[i].mean;
		double n = draws / delays[i].share, variance;
		const char *line = delays[i].line;

		run_delays(i, &course);
		variance = course.square - course.mean * course.mean;
		check(line, "mean", mean, mean + course.mean * jitter,
		      SIGMAS * jitter * spread->deviation / sqrt(n) + 0.5);
		check(line, "deviation", spread->deviation * jitter,
		      sqrt(variance) * jitter,
		      SIGMAS * jitter * spread->deviation *
		      sqrt((spread->kurtosis - 1) / n) / 2 + 0.5);
		/* No factor makes 0 wrong. */
		check(line, "distance", wrong - 1,
		      distance(&course, spread, 0.5 / jitter),
		      KOLMOGOROV / sqrt(n) + 1.5 / jitter);
		if (spread == &normal && delays[i].share > 10) {
			check_course(line, &course, 0, exp2(-0.125), 1);
			check_course(line, &course, 1, exp2(-0.125), 8);
		}
	}
}

/**
 * main() - check all
 * @argc: number of words
 * @argv: how many verdicts a case has, and "wrong"
 *
 * Return: 1 if anything is BAD.
 */
int main(int argc, char **argv)
{
	if (argc > 1)
		draws = strtoull(argv[1], NULL, 10) / BATCHES * BATCHES;
	if (argc > 2 && !strcmp(argv[2], "wrong"))
		wrong = 1.05;
	if (!draws) {
		fprintf(stderr, "properties: give at least %d verdicts\n",
			BATCHES);
		return 2;
	}
	check_losses();
	check_marks();
	check_delays();
	return !!bad;
}
