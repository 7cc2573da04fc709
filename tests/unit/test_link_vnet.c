// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: ip's plugin without ip
 *
 * What it takes from ip is made here: the same for its eyes, but checked at
 * each step, and with a request that can be full. tests/host/test_plugin.py
 * has the real ip.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ip.h"
#include "uapi/vnet.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/**
 * struct iplink_req - what ip makes its requests in
 * @header: of a message
 * @link: of a message about a link
 * @buffer: the attributes
 */
struct iplink_req {
	struct nlmsghdr header;
	struct ifinfomsg link;
	char buffer[1024];
};

/* The head of a request for a device that is to be up, with an index. */
static const struct ifinfomsg own_head = {
	.ifi_index = 55,
	.ifi_flags = 1,
	.ifi_change = 3,
};

/* What the plugin has printed of a link: "key=value as text". */
static char printed[500];

/* Whether it is to print JSON; how many objects and arrays are open. */
static bool json;
static int depth;

/**
 * addattr_l() - append an attribute
 * @request: the request
 * @maxlen: room in it
 * @type: its number
 * @data: what it holds
 * @len: length of @data
 *
 * Return: 0, or -1 if there is no room.
 */
int addattr_l(struct nlmsghdr *request, int maxlen, int type, const void *data,
	      int len)
{
	unsigned int at = NLMSG_ALIGN(request->nlmsg_len);
	struct rtattr *attr = (void *)((char *)request + at);

	assert_true(maxlen <= (int)sizeof(struct iplink_req));
	if (at + RTA_SPACE(len) > (unsigned int)maxlen)
		return -1;
	attr->rta_type = type;
	attr->rta_len = RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(attr), data, len);
	request->nlmsg_len = at + RTA_SPACE(len);
	return 0;
}

/**
 * iplink_parse() - append what a few of the words of ip link add mean
 * @argc: number of words
 * @argv: the words: a name, "up", "index" that is 77, "type" and one more,
 *	or "wrong", which is
 * @request: the request
 * @type: where to leave what is behind "type"
 *
 * Return: number of words taken, or negative for "wrong".
 */
int iplink_parse(int argc, char **argv, struct iplink_req *request, char **type)
{
	static const struct ifinfomsg empty;

	assert_memory_equal(&request->link, &empty, sizeof(empty));
	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "wrong")) {
			request->link.ifi_index = 13;
			return -1;
		} else if (!strcmp(argv[i], "up")) {
			request->link.ifi_flags |= 1;
			request->link.ifi_change |= 1;
		} else if (!strcmp(argv[i], "index")) {
			request->link.ifi_index = 77;
		} else if (!strcmp(argv[i], "type")) {
			*type = argv[i + 1];
			return i + 2;
		} else if (addattr_l(&request->header, sizeof(*request),
				     IFLA_IFNAME, argv[i],
				     strlen(argv[i]) + 1)) {
			return -1;
		}
	}
	return argc;
}

/**
 * note() - note what is printed
 * @key: name in JSON, or NULL
 * @format: how to print the rest
 *
 * Return: number of characters.
 */
static int note(const char *key, const char *format, ...)
{
	size_t length = strlen(printed);
	va_list arguments;
	int n;

	length += snprintf(printed + length, sizeof(printed) - length, "%s%s",
			   key ? key : "", key ? "=" : "");
	assert_true(length < sizeof(printed));
	va_start(arguments, format);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	n = vsnprintf(printed + length, sizeof(printed) - length, format,
		      arguments);
#pragma GCC diagnostic pop
	va_end(arguments);
	assert_true(length + n < sizeof(printed));
	return n;
}

/**
 * print_color_string() - note what is printed
 * @type: for both kinds of output, or for JSON
 * @color: must be none
 * @key: name in JSON
 * @format: how to print it otherwise
 * @value: the string
 *
 * Return: number of characters.
 */
int print_color_string(int type, int color, const char *key,
		       const char *format, const char *value)
{
	assert_int_equal(color, IP_COLOR_NONE);
	assert_non_null(json ? key : format);
	assert_int_equal(type, format ? IP_PRINT_ANY : IP_PRINT_JSON);
	if (json)
		return note(key, "%s ", value);
	return note(key, format, value);
}

/**
 * print_color_u64() - note a number in JSON
 * @type: must be for JSON
 * @color: must be none
 * @key: name in JSON
 * @format: must be missing
 * @value: the number
 *
 * Return: number of characters.
 */
int print_color_u64(int type, int color, const char *key, const char *format,
		    uint64_t value)
{
	assert_int_equal(type, IP_PRINT_JSON);
	assert_int_equal(color, IP_COLOR_NONE);
	assert_null(format);
	assert_true(json && key);
	return note(key, "%llu ", (unsigned long long)value);
}

/**
 * print_color_bool() - note a truth in JSON
 * @type: must be for JSON
 * @color: must be none
 * @key: name in JSON
 * @format: must be missing
 * @value: the truth
 *
 * Return: number of characters.
 */
int print_color_bool(int type, int color, const char *key, const char *format,
		     bool value)
{
	assert_int_equal(type, IP_PRINT_JSON);
	assert_int_equal(color, IP_COLOR_NONE);
	assert_null(format);
	assert_true(json && key);
	return note(key, "%s ", value ? "true" : "false");
}

/**
 * is_json_context() - whether to print JSON
 *
 * Return: true if so.
 */
bool is_json_context(void)
{
	return json;
}

/**
 * open_json_array() - note that one begins
 * @type: must be for JSON
 * @key: its name
 */
void open_json_array(int type, const char *key)
{
	assert_int_equal(type, IP_PRINT_JSON);
	depth++;
	if (json)
		note(NULL, "%s[ ", key);
}

/**
 * close_json_array() - note that it ends
 * @type: must be for JSON
 * @text: must be missing
 */
void close_json_array(int type, const char *text)
{
	assert_int_equal(type, IP_PRINT_JSON);
	assert_null(text);
	assert_true(depth-- > 0);
	if (json)
		note(NULL, "] ");
}

/**
 * open_json_object() - note that one begins
 * @key: its name; NULL in an array
 */
void open_json_object(const char *key)
{
	depth++;
	if (json)
		note(NULL, "%s{ ", key ? key : "");
}

/** close_json_object() - note that it ends */
void close_json_object(void)
{
	assert_true(depth-- > 0);
	if (json)
		note(NULL, "} ");
}

/**
 * struct outcome - what came of a line
 * @status: what the plugin returned
 * @said: what it wrote to standard error
 * @request: what would be sent
 * @data: the attributes that it has appended
 * @length: their length
 */
struct outcome {
	int status;
	char *said;
	struct iplink_req *request;
	char *data;
	size_t length;
};

/**
 * parse() - let the plugin parse a line
 * @line: the words, with a blank between each
 * @flags: of the request, besides NLM_F_REQUEST
 * @used: how much of the request is already full
 *
 * Return: the outcome, to be given to forget().
 */
static struct outcome parse(const char *line, int flags, unsigned int used)
{
	struct outcome outcome = {
		.request = calloc(1, sizeof(*outcome.request)),
	};
	char *words = strdup(line), *argv[20] = {}, *word, *rest = words;
	FILE *real = stderr;
	size_t size;
	int argc = 0;

	assert_non_null(outcome.request);
	outcome.request->header.nlmsg_flags = NLM_F_REQUEST | flags;
	outcome.request->header.nlmsg_len = used;
	outcome.request->link = own_head;
	while ((word = strsep(&rest, " "))) {
		if (*word)
			argv[argc++] = word;
	}

	stderr = open_memstream(&outcome.said, &size);
	outcome.status = vnet_link_util.parse_opt(&vnet_link_util, argc, argv,
						  &outcome.request->header);
	fclose(stderr);
	stderr = real;
	free(words);

	assert_memory_equal(&outcome.request->link, &own_head,
			    sizeof(own_head));
	outcome.data = (char *)outcome.request + used;
	outcome.length = outcome.request->header.nlmsg_len - used;
	return outcome;
}

/**
 * forget() - free what an outcome holds
 * @outcome: the outcome
 */
static void forget(struct outcome *outcome)
{
	free(outcome->said);
	free(outcome->request);
}

/**
 * expect() - parse a line for a new link, which must be right
 * @line: the words
 * @bytes: the attributes that it must give
 * @length: their length
 */
static void expect(const char *line, const void *bytes, size_t length)
{
	struct outcome outcome = parse(line, NLM_F_CREATE, 100);

	assert_string_equal(outcome.said, "");
	assert_int_equal(outcome.status, 0);
	assert_int_equal(outcome.length, length);
	assert_memory_equal(outcome.data, bytes, length);
	forget(&outcome);
}

/**
 * refuse() - parse a line, which must be wrong
 * @line: the words
 * @flags: of the request, besides NLM_F_REQUEST
 * @sentence: what must be said
 */
static void refuse(const char *line, int flags, const char *sentence)
{
	struct outcome outcome = parse(line, flags, 100);

	assert_string_equal(outcome.said, sentence);
	assert_int_equal(outcome.status, -1);
	forget(&outcome);
}

/**
 * test_wire() - a number for each wire
 * @state: not used
 */
static void test_wire(void **state)
{
	static const char * const names[] = { "peer", "loop", "reflect" };
	char line[20];

	(void)state;
	expect("", "", 0);
	for (unsigned int wire = 0; wire < ARRAY_SIZE(names); wire++) {
		const unsigned char bytes[] = {
			8, 0, IFLA_VNET_WIRE, 0, wire, 0, 0, 0,
		};

		snprintf(line, sizeof(line), "wire %s", names[wire]);
		expect(line, bytes, sizeof(bytes));
	}
}

/**
 * test_peer() - a head of its own, and attributes behind it
 * @state: not used
 */
static void test_peer(void **state)
{
	static const unsigned char plain[20] = { 20, 0, IFLA_VNET_PEER };
	static const unsigned char named[28] = {
		28, 0, IFLA_VNET_PEER, [20] = 8, 0, IFLA_IFNAME, 0, 'v', 'n',
		'1',
	};
	static const unsigned char up[32] = {
		32, 0, IFLA_VNET_PEER, [8] = 77, [12] = 1, [16] = 1, [20] = 9,
		0, IFLA_IFNAME, 0, 'v', 'n', '1', '0',
	};
	static const unsigned char wire[28] = {
		8, 0, IFLA_VNET_WIRE, [8] = 20, 0, IFLA_VNET_PEER,
	};

	(void)state;
	expect("peer", plain, sizeof(plain));
	expect("peer vn1", named, sizeof(named));
	expect("peer up vn10 index", up, sizeof(up));
	expect("wire peer peer", wire, sizeof(wire));
}

/**
 * test_wrong_lines() - one sentence for each
 * @state: not used
 */
static void test_wrong_lines(void **state)
{
	static const char * const wrong[][2] = {
		{ "x", "unknown word \"x\"; 'ip link help vnet' shows all" },
		{ "wire",
		  "\"wire\" lacks a value: give peer, loop or reflect" },
		{ "wire x", "no wire \"x\": give peer, loop or reflect" },
		{ "wire loop wire loop", "\"wire\" is given twice" },
		{ "wire loop peer", "a link with \"wire loop\" has no peer" },
		{ "peer wire loop", "\"wire\" belongs before \"peer\"" },
		{ "peer peer vn1", "\"peer\" is given twice" },
		{ "peer vn1 type x",
		  "\"type x\": a peer has the type of its link" },
		{ "delay x",
		  "\"delay x\": give a time in ns, us, ms or s, such as 20ms" },
		{ "peer delay 1s delay 1s", "\"delay\": that is given twice" },
		{ "match 5 match 6", "\"match\": that is given twice" },
		{ "vlan match 4094 match 5",
		  "\"match\": that is given twice" },
		{ "vlan vlan", "\"vlan\": that is given twice" },
		{ "bits",
		  "\"bits\" lacks a value: give a whole number below 2^64" },
		{ "wire loop loss 1% peer loss 1%",
		  "a link with \"wire loop\" has no peer" },
	};

	char sentence[100];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		snprintf(sentence, sizeof(sentence), "vnet: %s\n", wrong[i][1]);
		refuse(wrong[i][0], NLM_F_CREATE, sentence);
	}
	refuse("peer vn1 wrong", NLM_F_CREATE, "");
}

/**
 * test_impairments() - a nest for each end, in front of the peer
 * @state: not used
 */
static void test_impairments(void **state)
{
	static const unsigned char loss[] = {
		28, 0, IFLA_VNET_IMPAIR, 0x80,
		12, 0, VNET_IMPAIR_LOSS_MODEL, 0, VNET_LOSS_RANDOM, [16] = 12,
		0, VNET_IMPAIR_LOSS, 0, 0x80, 0x96, 0x98, [27] = 0,
	};
	static const unsigned char both[] = {
		16, 0, IFLA_VNET_IMPAIR, 0x80, 12, 0, VNET_IMPAIR_DELAY, 0, 5,
		[16] = 28, 0, IFLA_VNET_PEER_IMPAIR, 0x80,
		12, 0, VNET_IMPAIR_LOSS_MODEL, 0, VNET_LOSS_PATTERN, [32] = 10,
		0, VNET_IMPAIR_PATTERN, 0, '3', ',', '5', '/', '7',
		[44] = 28, 0, IFLA_VNET_PEER, [64] = 8, 0, IFLA_IFNAME, 0, 'v',
		'n', '1', 0,
	};

	(void)state;
	expect("loss 1%", loss, sizeof(loss));
	expect("delay 5ns peer loss pattern 3,5/7 vn1", both, sizeof(both));
}

/**
 * test_set() - a link that exists has its peer
 * @state: not used
 */
static void test_set(void **state)
{
	struct outcome outcome = parse("wire loop", 0, 100);

	(void)state;
	assert_int_equal(outcome.status, 0);
	assert_int_equal(outcome.length, 8);
	forget(&outcome);
	outcome = parse("loss 1% peer loss 1%", 0, 100);
	assert_int_equal(outcome.status, 0);
	assert_int_equal(outcome.length, 2 * 28);
	forget(&outcome);
	refuse("peer vn1", 0,
	       "vnet: of a link's peer, only impairments can be set from here\n");
	refuse("peer loss 1% vn1", 0,
	       "vnet: of a link's peer, only impairments can be set from here\n");
}

/**
 * test_full_request() - no byte behind the end, and no half of a request
 * @state: not used
 */
static void test_full_request(void **state)
{
	static const char * const lines[] = {
		"wire loop", "peer", "peer vn1", "delay 5s", "loss pattern 1",
		"peer delay 5s vn1",
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(lines); i++) {
		struct outcome outcome;

		for (unsigned int used = 960; used <= 1024; used += 4) {
			outcome = parse(lines[i], NLM_F_CREATE, used);
			assert_true(used + outcome.length <=
				    sizeof(struct iplink_req));
			if (used <= 1024 - 44)
				assert_int_equal(outcome.status, 0);
			if (used > 1024 - 8)
				assert_int_equal(outcome.status, -1);
			forget(&outcome);
		}
	}
}

/**
 * show() - let the plugin print an attribute
 * @type: IFLA_VNET_*
 * @data: what it holds; NULL for none
 * @len: length of @data
 *
 * Return: what was printed.
 */
static const char *show(unsigned int type, const void *data, int len)
{
	struct rtattr *attr[IFLA_VNET_MAX + 1] = {};
	struct rtattr *one = malloc(RTA_LENGTH(len));

	assert_non_null(one);
	one->rta_type = type;
	one->rta_len = RTA_LENGTH(len);
	if (data) {
		memcpy(RTA_DATA(one), data, len);
		attr[type] = one;
	}
	printed[0] = '\0';
	vnet_link_util.print_opt(&vnet_link_util, stdout, attr);
	assert_int_equal(depth, 0);
	free(one);
	return printed;
}

/**
 * show_wire() - let the plugin print the wire
 * @data: what its attribute holds; NULL for none
 * @len: length of @data
 *
 * Return: what was printed.
 */
static const char *show_wire(const void *data, int len)
{
	return show(IFLA_VNET_WIRE, data, len);
}

/**
 * test_print() - the wire by its name, or by the number of a newer kernel
 * @state: not used
 */
static void test_print(void **state)
{
	static const __u32 numbers[] = { 0, 1, 2, 3, 4294967295 };

	(void)state;
	assert_string_equal(show_wire(&numbers[0], 4), "wire=wire peer ");
	assert_string_equal(show_wire(&numbers[1], 4), "wire=wire loop ");
	assert_string_equal(show_wire(&numbers[2], 4), "wire=wire reflect ");
	assert_string_equal(show_wire(&numbers[3], 4), "wire=wire 3 ");
	assert_string_equal(show_wire(&numbers[4], 4), "wire=wire 4294967295 ");
}

/**
 * test_print_what_is_missing() - nothing, for less than is expected
 * @state: not used
 */
static void test_print_what_is_missing(void **state)
{
	(void)state;
	assert_string_equal(show_wire(NULL, 0), "");
	assert_string_equal(show_wire("", 0), "");
	assert_string_equal(show_wire("abc", 3), "");
	vnet_link_util.print_opt(&vnet_link_util, stdout, NULL);
	assert_string_equal(printed, "");
}

/**
 * show_words() - let the plugin print what it has made of impairments
 * @line: words for impairments of this end
 *
 * Return: what was printed.
 */
static const char *show_words(const char *line)
{
	struct outcome outcome = parse(line, NLM_F_CREATE, 100);

	assert_string_equal(outcome.said, "");
	show(IFLA_VNET_IMPAIR, outcome.data + NLA_HDRLEN,
	     outcome.length - NLA_HDRLEN);
	forget(&outcome);
	return printed;
}

/**
 * test_print_impairments() - as they can be read again
 * @state: not used
 */
static void test_print_impairments(void **state)
{
	static const char * const lines[] = {
		"seed 18446744073709551615 limit 65536 ",
		"delay 20ms jitter 2.5us normal half-life 1s keep-order ",
		"reorder 1% distance 3 loss 0.0000001% ",
		"loss 100% burst 4.125 ",
		"loss ge p 1% r 2% bad 3% good 4% ",
		"loss 4state p13 1% p31 2% p32 3% p23 4% p14 5% ",
		"loss pattern 3,17-20/100 ",
		"duplicate 5% copy-delay 5ms corrupt 1% bits 64 header repair ",
		"truncate 1% to 60 rate 50mbit overhead 24 cell 48 ",
		"rate 1bit cell-overhead 5 queue 9 queue-bytes 9 head-drop ",
		"rate 1.5gbit ecn 20 vlan match 5 pop translate 6 push 7 ",
		"vlan match 4094 pcp 3 802.1ad flap 10s 500.25ms ",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_string_equal(show_words(lines[i]), lines[i]);
}

/**
 * test_print_json() - as the kernel has it
 * @state: not used
 */
static void test_print_json(void **state)
{
	static const char * const lines[][2] = {
		{ "seed 7 delay 20ms jitter 2ms normal",
		  "seed=7 delay=20000000 jitter=2000000 normal=true" },
		{ "keep-order", "keep-order=true" },
		{ "loss 1%", "loss_model=random loss=10000000" },
		{ "loss 1% burst 4",
		  "loss_model=burst loss=10000000 burst=4000" },
		{ "loss pattern 3/5", "loss_model=pattern pattern=3/5" },
		{ "rate 50mbit vlan push 5",
		  "rate=50000000 match=4096 push=5" },
		{ "flap 1s 2s", "flap_up=1000000000 flap_down=2000000000" },
	};
	char expected[200];

	(void)state;
	json = true;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		snprintf(expected, sizeof(expected), "impair{ %s } ",
			 lines[i][1]);
		assert_string_equal(show_words(lines[i][0]), expected);
	}
	json = false;
}

/**
 * show_xstats() - let the plugin print statistics
 * @counts: whether the counters are not 0
 *
 * Return: what was printed.
 */
static const char *show_xstats(bool counts)
{
	struct {
		struct rtattr head;
		struct {
			__u16 len;
			__u16 type;
			__u32 value[2];
		} counter[2];
	} xstats = {
		.head = { .rta_len = sizeof(xstats) },
		.counter = {
			{ 12, VNET_XSTAT_FRAMES, { counts ? 9 : 0 } },
			{ 12, VNET_XSTAT_LATE_MAX, { counts ? 8 : 0 } },
		},
	};

	printed[0] = '\0';
	vnet_link_util.print_xstats(&vnet_link_util, stdout, &xstats.head);
	assert_int_equal(depth, 0);
	return printed;
}

/**
 * test_print_xstats() - what is not 0; in JSON all
 * @state: not used
 */
static void test_print_xstats(void **state)
{
	(void)state;
	assert_string_equal(show_xstats(true),
			    "\n    line: frames 9 late_max_ns 8 ");
	assert_string_equal(show_xstats(false), "");
	json = true;
	assert_string_equal(show_xstats(true),
			    "line{ frames=9 late_max_ns=8 } ");
	assert_string_equal(show_xstats(false),
			    "line{ frames=0 late_max_ns=0 } ");
	json = false;
}

/**
 * show_lateness() - let the plugin print how late frames were
 * @frames: how many, by octaves; 64 of them
 * @count: how many octaves are told; less than 64
 * @len: length of the attribute
 *
 * Return: what was printed.
 */
static const char *show_lateness(const __u64 *frames, unsigned int count,
				 unsigned int len)
{
	struct {
		struct rtattr head;
		struct rtattr pad;
		struct rtattr array;
		__u32 frames[2 * 64];
	} xstats = {
		.pad = { sizeof(xstats.pad), VNET_XSTAT_PAD },
		.array = { len, VNET_XSTAT_LATENESS },
	};

	xstats.head.rta_len = sizeof(xstats) - sizeof(xstats.frames) +
			      2 * count * sizeof(xstats.frames[0]);
	memcpy(xstats.frames, frames, count * sizeof(*frames));
	printed[0] = '\0';
	vnet_link_util.print_xstats(&vnet_link_util, stdout, &xstats.head);
	assert_int_equal(depth, 0);
	return printed;
}

/**
 * test_print_lateness() - what is not 0, each under its bound
 * @state: not used
 */
static void test_print_lateness(void **state)
{
	static const __u64 frames[64] = {
		[0] = 3, [1] = 4, [61] = 9, [63] = 1,
	};
	const char *text;

	(void)state;
	text = "late_up_to_ns 7:3 15:4 18446744073709551615:9 ";
	assert_string_equal(show_lateness(frames, 62, 4 + 62 * 8), text);
	assert_string_equal(show_lateness(frames, 2, 4 + 2 * 8),
			    "late_up_to_ns 7:3 15:4 ");
	assert_string_equal(show_lateness(frames + 2, 8, 4 + 8 * 8), "");
	json = true;
	assert_string_equal(show_lateness(frames, 1, 4 + 1 * 8),
			    "line{ lateness[ { up_to_ns=7 frames=3 } ] } ");
	assert_string_equal(show_lateness(frames + 2, 8, 4 + 8 * 8),
			    "line{ lateness[ ] } ");
	json = false;
	/* Less than is expected, more than there is, more than can be. */
	assert_string_equal(show_lateness(frames, 2, 4 + 2 * 8 - 1),
			    "late_up_to_ns 7:3 ");
	assert_string_equal(show_lateness(frames, 2, 4), "");
	assert_string_equal(show_lateness(frames, 2, 4 + 3 * 8),
			    "");
	assert_string_equal(show_lateness(frames + 61, 3, 4 + 3 * 8),
			    "late_up_to_ns 7:9 31:1 ");
}

/**
 * test_help() - to where it is wanted; with a link, to standard error
 * @state: not used
 */
static void test_help(void **state)
{
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	(void)state;
	vnet_link_util.print_help(&vnet_link_util, 0, NULL, file);
	fclose(file);
	assert_non_null(strstr(text, "Usage: ... vnet "));
	assert_non_null(strstr(text, "IMPAIRMENTS of the frames"));
	refuse("help", NLM_F_CREATE, text);
	refuse("wire loop help", NLM_F_CREATE, text);
	refuse("peer help", NLM_F_CREATE, text);
	free(text);
}

/**
 * test_what_ip_looks_for() - the kind, and how many attributes it has
 * @state: not used
 */
static void test_what_ip_looks_for(void **state)
{
	(void)state;
	assert_string_equal(vnet_link_util.id, "vnet");
	assert_int_equal(vnet_link_util.maxattr, IFLA_VNET_MAX);
	assert_null(vnet_link_util.next);
}

/**
 * main() - run the tests
 *
 * Return: number of failed tests.
 */
int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wire),
		cmocka_unit_test(test_peer),
		cmocka_unit_test(test_wrong_lines),
		cmocka_unit_test(test_impairments),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_full_request),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_print_what_is_missing),
		cmocka_unit_test(test_print_impairments),
		cmocka_unit_test(test_print_json),
		cmocka_unit_test(test_print_xstats),
		cmocka_unit_test(test_print_lateness),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_what_ip_looks_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
