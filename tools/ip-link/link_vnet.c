// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: The link kind "vnet" for ip link
 *
 * A plugin: ip loads link_vnet.so when it first meets the kind, and finds
 * vnet_link_util in it. What a user may write is a table of words; to teach it
 * another one, add a line to vnet_words and a function that appends the
 * attribute.
 *
 * Whatever is wrong with a line gets one sentence, and then nothing is sent.
 *
 * Next: ip.h, what we share with ip; uapi/vnet.h, what we say to the kernel.
 */

#include <stdbool.h>
#include <string.h>

#include "ip.h"
#include "uapi/vnet.h"

/* Tells the user what is wrong, in one sentence. */
#define vnet_err(format, ...) \
	fprintf(stderr, "vnet: " format "\n", ##__VA_ARGS__)

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static const char vnet_usage[] =
	"Usage: ... vnet [ wire peer ] [ peer [ PEER ] ]\n"
	"       ... vnet wire { loop | reflect }\n"
	"\n"
	"wire  what is at its other end: another device (as if not given), the\n"
	"      device itself, or a neighbour that answers to every address\n"
	"peer  PEER describes the other device as 'ip link add' does:\n"
	"      [ name NAME ] [ netns NETNS ] [ address LLADDR ] ...\n";

static const char * const vnet_wire_names[] = {
	[VNET_WIRE_PEER] = "peer",
	[VNET_WIRE_LOOP] = "loop",
	[VNET_WIRE_REFLECT] = "reflect",
};

/**
 * struct vnet_line - a line of words and how far it is understood
 * @argc: number of words left
 * @argv: the words left
 * @request: where the attributes go
 * @seen: bit n is set if word n of vnet_words was there
 * @wire: what was said about the wire, else VNET_WIRE_PEER
 * @peer: "peer" was there: what is left is about the other end
 */
struct vnet_line {
	int argc;
	char **argv;
	struct nlmsghdr *request;
	unsigned int seen;
	__u32 wire;
	bool peer;
};

/**
 * struct vnet_word - a word that may stand behind "type vnet"
 * @name: the word
 * @values: what may follow, in words; NULL if it stands alone
 * @parse: does what it means; gets the word behind it if there are @values;
 *	returns 0, or negative when it has told the user why not
 */
struct vnet_word {
	const char *name;
	const char *values;
	int (*parse)(struct vnet_line *line, const char *value);
};

/**
 * vnet_append() - append an attribute to the request
 * @line: the line
 * @type: IFLA_VNET_*
 * @data: what it holds
 * @len: length of @data
 *
 * Return: 0, or negative if there is no room, which ip has told the user.
 */
static int vnet_append(struct vnet_line *line, int type, const void *data,
		       int len)
{
	return addattr_l(line->request, IP_REQUEST_MAX, type, data, len);
}

/**
 * vnet_parse_wire() - wire VALUE
 * @line: the line
 * @value: the value
 *
 * Return: 0, or negative if there is no such wire.
 */
static int vnet_parse_wire(struct vnet_line *line, const char *value)
{
	__u32 wire = 0;

	while (wire < ARRAY_SIZE(vnet_wire_names) &&
	       strcmp(value, vnet_wire_names[wire]))
		wire++;
	if (wire == ARRAY_SIZE(vnet_wire_names)) {
		vnet_err("no wire \"%s\": give peer, loop or reflect", value);
		return -1;
	}
	line->wire = wire;
	return vnet_append(line, IFLA_VNET_WIRE, &wire, sizeof(wire));
}

/**
 * vnet_parse_peer() - peer
 * @line: the line
 * @value: not used
 *
 * Return: 0, or negative if it is not the time for that.
 */
static int vnet_parse_peer(struct vnet_line *line, const char *value)
{
	(void)value;
	if (!(line->request->nlmsg_flags & NLM_F_CREATE)) {
		vnet_err("a peer is described when a pair is added; later it is set by its own name");
		return -1;
	}
	line->peer = true;
	return 0;
}

/**
 * vnet_parse_help() - help
 * @line: not used
 * @value: not used
 *
 * Return: negative, because who asks for help does not want a link yet.
 */
static int vnet_parse_help(struct vnet_line *line, const char *value)
{
	(void)line;
	(void)value;
	fputs(vnet_usage, stderr);
	return -1;
}

static const struct vnet_word vnet_words[] = {
	{ "wire", "peer, loop or reflect", vnet_parse_wire },
	{ "peer", NULL, vnet_parse_peer },
	{ "help", NULL, vnet_parse_help },
};

/**
 * vnet_find_word() - look a word up
 * @name: the word
 *
 * Return: its place in vnet_words, or NULL if it is not there.
 */
static const struct vnet_word *vnet_find_word(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(vnet_words); i++) {
		if (!strcmp(name, vnet_words[i].name))
			return &vnet_words[i];
	}
	return NULL;
}

/**
 * vnet_parse_word() - take the first word of a line, and its value
 * @line: the line
 * @word: its first word
 *
 * Return: 0, or negative if something is wrong, which it has told the user.
 */
static int vnet_parse_word(struct vnet_line *line,
			   const struct vnet_word *word)
{
	unsigned int bit = 1u << (word - vnet_words);
	const char *value = NULL;

	if (line->seen & bit) {
		vnet_err("\"%s\" is given twice", word->name);
		return -1;
	}
	if (line->peer && word->values) {
		vnet_err("\"%s\" belongs before \"peer\"", word->name);
		return -1;
	}
	line->seen |= bit;
	line->argc--;
	line->argv++;

	if (word->values && !line->argc) {
		vnet_err("\"%s\" lacks a value: give %s", word->name,
			 word->values);
		return -1;
	}
	if (word->values) {
		line->argc--;
		value = *line->argv++;
	}
	return word->parse(line, value);
}

/**
 * vnet_parse_peer_link() - append the peer, and what ip makes of the words left
 * @line: the line, understood but for words of ip link add
 *
 * ip writes what is no attribute into the head of the request, which is the
 * device's own: the peer borrows it, empty, and takes away what is then in it.
 *
 * Return: 0, or negative if something is wrong, which the user has been told.
 */
static int vnet_parse_peer_link(struct vnet_line *line)
{
	struct nlmsghdr *request = line->request;
	struct ifinfomsg *head = NLMSG_DATA(request);
	const struct ifinfomsg own = *head, empty = {};
	char *type = NULL;
	struct rtattr *attr;
	int taken;

	attr = (void *)((char *)request + NLMSG_ALIGN(request->nlmsg_len));
	if (vnet_append(line, IFLA_VNET_PEER, &empty, sizeof(empty)))
		return -1;

	*head = empty;
	taken = iplink_parse(line->argc, line->argv,
			     (struct iplink_req *)request, &type);
	memcpy(RTA_DATA(attr), head, sizeof(*head));
	*head = own;
	if (taken < 0)
		return -1;
	if (type) {
		vnet_err("\"type %s\": a peer has the type of its link", type);
		return -1;
	}

	attr->rta_len = (char *)request + NLMSG_ALIGN(request->nlmsg_len) -
			(char *)attr;
	return 0;
}

/**
 * vnet_parse_opt() - append what the words behind "type vnet" mean
 * @util: ours
 * @argc: number of words
 * @argv: the words
 * @request: what will be sent
 *
 * Return: 0, or negative if something is wrong, which the user has been told.
 */
static int vnet_parse_opt(struct link_util *util, int argc, char **argv,
			  struct nlmsghdr *request)
{
	struct vnet_line line = {
		.argc = argc,
		.argv = argv,
		.request = request,
		.wire = VNET_WIRE_PEER,
	};
	const struct vnet_word *word;

	(void)util;
	if (!addattr_l || !iplink_parse) {
		vnet_err("this ip lacks what a plugin needs; iproute2 5.11 and later have it");
		return -1;
	}

	while (line.argc && (word = vnet_find_word(line.argv[0]))) {
		if (vnet_parse_word(&line, word))
			return -1;
	}
	if (line.peer && line.wire != VNET_WIRE_PEER) {
		vnet_err("a link with \"wire %s\" has no peer",
			 vnet_wire_names[line.wire]);
		return -1;
	}
	if (line.peer)
		return vnet_parse_peer_link(&line);
	if (line.argc) {
		vnet_err("unknown word \"%s\"; 'ip link help vnet' shows all",
			 line.argv[0]);
		return -1;
	}
	return 0;
}

/**
 * vnet_print_opt() - print the attributes of a link
 * @util: ours
 * @file: not used: ip's functions know where to
 * @attr: the attributes by number, NULL for those that the kernel has not
 *	sent; NULL if it has sent none at all
 */
static void vnet_print_opt(struct link_util *util, FILE *file,
			   struct rtattr *attr[])
{
	const struct rtattr *wire = attr ? attr[IFLA_VNET_WIRE] : NULL;
	char number[sizeof("4294967295")];
	const char *name = number;
	__u32 value;

	(void)util;
	(void)file;
	if (!print_color_string || !wire || RTA_PAYLOAD(wire) < sizeof(value))
		return;

	memcpy(&value, RTA_DATA(wire), sizeof(value));
	if (value < ARRAY_SIZE(vnet_wire_names))
		name = vnet_wire_names[value];
	else /* a newer kernel's */
		snprintf(number, sizeof(number), "%u", value);
	print_color_string(IP_PRINT_ANY, IP_COLOR_NONE, "wire", "wire %s ",
			   name);
}

/**
 * vnet_print_help() - print what "ip link help vnet" shows
 * @util: ours
 * @argc: not used
 * @argv: not used
 * @file: where to
 */
static void vnet_print_help(struct link_util *util, int argc, char **argv,
			    FILE *file)
{
	(void)util;
	(void)argc;
	(void)argv;
	fputs(vnet_usage, file);
}

struct link_util vnet_link_util = {
	.id = "vnet",
	.maxattr = IFLA_VNET_MAX,
	.parse_opt = vnet_parse_opt,
	.print_opt = vnet_print_opt,
	.print_help = vnet_print_help,
};
