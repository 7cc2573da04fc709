/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: What ip and its plugins know of each other
 *
 * iproute2 installs no headers, so here is the little that we share with the
 * program: since iproute2 5.11 it looks for plugins where $IP_LIB_DIR says, and
 * since then none of this has changed.
 *
 * The functions are those of the program that loads us. They are weak: if it
 * lacks one, we say so in a sentence; otherwise the loader would end it.
 */

#ifndef VNET_IP_H
#define VNET_IP_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#pragma weak addattr_l
#pragma weak close_json_array
#pragma weak close_json_object
#pragma weak iplink_parse
#pragma weak is_json_context
#pragma weak open_json_array
#pragma weak open_json_object
#pragma weak print_color_bool
#pragma weak print_color_string
#pragma weak print_color_u64

/* Room in ip's request, whose buffer says it nowhere. */
#define IP_REQUEST_MAX 1024

/* The values of ip's enum output_type and enum color_attr that we use. */
#define IP_PRINT_JSON 2
#define IP_PRINT_ANY 4
#define IP_COLOR_NONE 6

/**
 * struct link_util - what ip knows of a kind of link
 * @next: ip's own
 * @id: name of the kind
 * @maxattr: highest attribute that @print_opt wants to see
 * @parse_opt: appends to a request what the words behind "type KIND" mean;
 *	other than 0: it has said why not, and nothing is to be sent
 * @print_opt: prints the attributes of a link, by number, where there are any
 * @print_xstats: prints the statistics of a link
 * @print_help: prints what "ip link help KIND" shows
 * @parse_ifla_xstats: parses the words of "ip link xstats"
 * @print_ifla_xstats: prints what "ip link xstats" shows
 */
struct link_util {
	struct link_util *next;
	const char *id;
	int maxattr;
	int (*parse_opt)(struct link_util *util, int argc, char **argv,
			 struct nlmsghdr *request);
	void (*print_opt)(struct link_util *util, FILE *file,
			  struct rtattr *attr[]);
	void (*print_xstats)(struct link_util *util, FILE *file,
			     struct rtattr *xstats);
	void (*print_help)(struct link_util *util, int argc, char **argv,
			   FILE *file);
	int (*parse_ifla_xstats)(struct link_util *util, int argc, char **argv);
	int (*print_ifla_xstats)(struct nlmsghdr *answer, void *arg);
};

/* What ip looks up in link_vnet.so. */
extern struct link_util vnet_link_util;

/**
 * addattr_l() - append an attribute to a request
 * @request: the request
 * @maxlen: room in it
 * @type: number of the attribute
 * @data: what it holds
 * @len: length of @data
 *
 * Return: 0, or negative if there is no room, which it has told the user.
 */
int addattr_l(struct nlmsghdr *request, int maxlen, int type,
	      const void *data, int len);

struct iplink_req;

/**
 * iplink_parse() - append to a request what the words of "ip link add" mean
 * @argc: number of words
 * @argv: the words
 * @request: what begins with a struct nlmsghdr and a struct ifinfomsg
 * @type: where to leave what stood behind "type", the last word it takes
 *
 * Return: number of words taken, or negative; or it tells the user and exits.
 */
int iplink_parse(int argc, char **argv, struct iplink_req *request,
		 char **type);

/**
 * print_color_string() - print a string, or the like as JSON if -j was given
 * @type: IP_PRINT_ANY or IP_PRINT_JSON
 * @color: IP_COLOR_NONE
 * @key: its name in JSON
 * @format: how to print it otherwise
 * @value: the string
 *
 * Return: number of characters.
 */
int print_color_string(int type, int color, const char *key,
		       const char *format, const char *value);

/**
 * print_color_u64() - print a number, or the like as JSON if -j was given
 * @type: IP_PRINT_ANY or IP_PRINT_JSON
 * @color: IP_COLOR_NONE
 * @key: its name in JSON
 * @format: how to print it otherwise
 * @value: the number
 *
 * Return: number of characters.
 */
int print_color_u64(int type, int color, const char *key, const char *format,
		    uint64_t value);

/**
 * print_color_bool() - print a truth, or the like as JSON if -j was given
 * @type: IP_PRINT_JSON
 * @color: IP_COLOR_NONE
 * @key: its name in JSON
 * @format: how to print it otherwise
 * @value: the truth
 *
 * Return: number of characters.
 */
int print_color_bool(int type, int color, const char *key, const char *format,
		     bool value);

/**
 * is_json_context() - whether -j was given
 *
 * Return: true if it was.
 */
bool is_json_context(void);

/**
 * open_json_array() - begin an array, if -j was given
 * @type: IP_PRINT_JSON
 * @key: its name
 */
void open_json_array(int type, const char *key);

/**
 * close_json_array() - end an array, if -j was given
 * @type: IP_PRINT_JSON
 * @text: not used with that type
 */
void close_json_array(int type, const char *text);

/**
 * open_json_object() - begin an object, if -j was given
 * @key: its name; NULL in an array
 */
void open_json_object(const char *key);

/** close_json_object() - end an object, if -j was given */
void close_json_object(void);

#endif /* VNET_IP_H */
