/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: As much of ip as its plugin needs to be fuzzed
 *
 * What is printed is kept as text, and looked at: in JSON each name once in an
 * object, and an end for each beginning. tests/unit/test_link_vnet.c looks at
 * the requests themselves.
 *
 * Next: words.c.
 */

#ifndef FUZZ_IP_H
#define FUZZ_IP_H

#include "fuzz.h"
#include "../../tools/ip-link/ip.h"

/* Names that there may be in an object at most. */
#define IP_NAMES 64

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

/* Whether ip has told the user itself what is wrong. */
static bool ip_told;

/* Whether it is to print JSON; what else was printed, and how much of it. */
static bool ip_json;

/* An array is open; the names in it are not looked at. */
static bool ip_array;
static char ip_printed[16384];
static size_t ip_length;

/* The names in the object that is open; -1 if none is. */
static const char *ip_name[IP_NAMES];
static int ip_names = -1;

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

	must(maxlen <= (int)sizeof(struct iplink_req));
	if (at + RTA_SPACE(len) > (unsigned int)maxlen) {
		ip_told = true;
		return -1;
	}
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
 * @argv: the words: "up", "type" and one more, "wrong", or names
 * @request: the request
 * @type: where to leave what is behind "type"
 *
 * Return: number of words taken, or negative.
 */
int iplink_parse(int argc, char **argv, struct iplink_req *request, char **type)
{
	for (int i = 0; i < argc; i++) {
		bool last = i + 1 == argc;

		if (!strcmp(argv[i], "up")) {
			request->link.ifi_flags |= 1;
			request->link.ifi_change |= 1;
		} else if (!strcmp(argv[i], "type") && !last) {
			*type = argv[i + 1];
			return i + 2;
		} else if (!strcmp(argv[i], "wrong") ||
			   !strcmp(argv[i], "type")) {
			ip_told = true;
			return -1;
		} else if (addattr_l(&request->header, sizeof(*request),
				     IFLA_IFNAME, argv[i],
				     strlen(argv[i]) + 1)) {
			return -1;
		}
	}
	return argc;
}

/**
 * ip_note_name() - note a name in JSON
 * @key: the name
 */
static void ip_note_name(const char *key)
{
	if (ip_array)
		return;
	must(key);
	for (int i = 0; i < ip_names; i++)
		must(strcmp(ip_name[i], key));
	if (ip_names >= 0) {
		must(ip_names < IP_NAMES);
		ip_name[ip_names++] = key;
	}
}

/**
 * print_color_string() - print a string
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
	int n;

	must(color == IP_COLOR_NONE);
	must(value);
	if (ip_json) {
		ip_note_name(key);
		return strlen(value);
	}
	must(type == IP_PRINT_ANY);
	/* As the plugin does, with one %s in it. */
	must(format && strstr(format, "%s"));
	n = snprintf(ip_printed + ip_length, sizeof(ip_printed) - ip_length,
		     "%.*s%s%s", (int)(strstr(format, "%s") - format), format,
		     value, strstr(format, "%s") + 2);
	must(ip_length + n < sizeof(ip_printed));
	ip_length += n;
	return n;
}

/**
 * print_color_u64() - print a number in JSON
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
	(void)value;
	must(ip_json);
	must(type == IP_PRINT_JSON);
	must(color == IP_COLOR_NONE);
	must(!format);
	ip_note_name(key);
	return 1;
}

/**
 * print_color_bool() - print a truth in JSON
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
	return print_color_u64(type, color, key, format, value);
}

/**
 * is_json_context() - whether to print JSON
 *
 * Return: true if so.
 */
bool is_json_context(void)
{
	return ip_json;
}

/**
 * open_json_object() - note that one begins
 * @key: its name; NULL in an array
 */
void open_json_object(const char *key)
{
	must(!key == ip_array);
	if (ip_array)
		return;
	must(ip_names < 0);
	ip_names = 0;
}

/** close_json_object() - note that it ends */
void close_json_object(void)
{
	if (ip_array)
		return;
	must(ip_names >= 0);
	ip_names = -1;
}

/**
 * open_json_array() - note that one begins
 * @type: must be for JSON
 * @key: its name
 */
void open_json_array(int type, const char *key)
{
	must(type == IP_PRINT_JSON);
	must(key);
	if (ip_json)
		ip_note_name(key);
	must(!ip_array);
	ip_array = true;
}

/**
 * close_json_array() - note that it ends
 * @type: must be for JSON
 * @text: must be missing
 */
void close_json_array(int type, const char *text)
{
	must(type == IP_PRINT_JSON);
	must(!text);
	must(ip_array);
	ip_array = false;
}

#endif /* FUZZ_IP_H */
