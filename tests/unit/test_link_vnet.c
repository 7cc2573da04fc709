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
static char printed[100];

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
 * print_color_string() - note what is printed
 * @type: must be for both kinds of output
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
	size_t length;

	assert_int_equal(type, IP_PRINT_ANY);
	assert_int_equal(color, IP_COLOR_NONE);
	length = snprintf(printed, sizeof(printed), "%s=", key);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return snprintf(printed + length, sizeof(printed) - length, format,
			value);
#pragma GCC diagnostic pop
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
	refuse("peer vn1", 0,
	       "vnet: a peer is described when a pair is added; later it is set by its own name\n");
}

/**
 * test_full_request() - no byte behind the end, and no half of a request
 * @state: not used
 */
static void test_full_request(void **state)
{
	static const char * const lines[] = { "wire loop", "peer", "peer vn1" };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(lines); i++) {
		struct outcome outcome;

		for (unsigned int used = 960; used <= 1024; used += 4) {
			outcome = parse(lines[i], NLM_F_CREATE, used);
			assert_true(used + outcome.length <=
				    sizeof(struct iplink_req));
			if (used <= 1024 - 28)
				assert_int_equal(outcome.status, 0);
			if (used > 1024 - 8)
				assert_int_equal(outcome.status, -1);
			forget(&outcome);
		}
	}
}

/**
 * show() - let the plugin print an attribute
 * @data: what it holds; NULL for none
 * @len: length of @data
 *
 * Return: what was printed.
 */
static const char *show(const void *data, int len)
{
	struct rtattr *attr[IFLA_VNET_MAX + 1] = {};
	struct rtattr *wire = malloc(RTA_LENGTH(len));

	assert_non_null(wire);
	wire->rta_type = IFLA_VNET_WIRE;
	wire->rta_len = RTA_LENGTH(len);
	if (data) {
		memcpy(RTA_DATA(wire), data, len);
		attr[IFLA_VNET_WIRE] = wire;
	}
	printed[0] = '\0';
	vnet_link_util.print_opt(&vnet_link_util, stdout, attr);
	free(wire);
	return printed;
}

/**
 * test_print() - the wire by its name, or by the number of a newer kernel
 * @state: not used
 */
static void test_print(void **state)
{
	static const __u32 numbers[] = { 0, 1, 2, 3, 4294967295 };

	(void)state;
	assert_string_equal(show(&numbers[0], 4), "wire=wire peer ");
	assert_string_equal(show(&numbers[1], 4), "wire=wire loop ");
	assert_string_equal(show(&numbers[2], 4), "wire=wire reflect ");
	assert_string_equal(show(&numbers[3], 4), "wire=wire 3 ");
	assert_string_equal(show(&numbers[4], 4), "wire=wire 4294967295 ");
}

/**
 * test_print_what_is_missing() - nothing, for less than is expected
 * @state: not used
 */
static void test_print_what_is_missing(void **state)
{
	(void)state;
	assert_string_equal(show(NULL, 0), "");
	assert_string_equal(show("", 0), "");
	assert_string_equal(show("abc", 3), "");
	vnet_link_util.print_opt(&vnet_link_util, stdout, NULL);
	assert_string_equal(printed, "");
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
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_full_request),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_print_what_is_missing),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_what_ip_looks_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
