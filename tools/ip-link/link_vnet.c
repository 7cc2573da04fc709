// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: The link kind "vnet" for ip link
 *
 * A plugin: ip loads link_vnet.so when it first meets the kind, and finds
 * vnet_link_util in it. What a user may write is a table of words; to teach it
 * another one, add a line to vnet_keys and a function that appends the
 * attribute; those for impairments are in words.c.
 *
 * Whatever is wrong with a line gets one sentence, and then nothing is sent.
 *
 * Next: ip.h, what we share with ip; uapi/vnet.h, what we say to the kernel.
 */

#include <stdbool.h>
#include <string.h>

#include "ip.h"
#include "words.h"
#include "uapi/vnet.h"

/* Tells the user what is wrong, in one sentence. */
#define vnet_err(format, ...) \
	fprintf(stderr, "vnet: " format "\n", ##__VA_ARGS__)

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static const char vnet_usage[] =
	"Usage: ... vnet [ wire peer ] [ IMPAIRMENTS ] [ peer [ IMPAIRMENTS ] [ PEER ] ]\n"
	"       ... vnet wire { loop | reflect } [ IMPAIRMENTS ]\n"
	"\n"
	"wire  what is at its other end: another device (as if not given), the\n"
	"      device itself, or a neighbour that answers to every address\n"
	"peer  PEER describes the other device as 'ip link add' does:\n"
	"      [ name NAME ] [ netns NETNS ] [ address LLADDR ] ...\n"
	"\n";

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
 * @seen: bit n is set if word n of vnet_keys was there
 * @wire: what was said about the wire, else VNET_WIRE_PEER
 * @peer: "peer" was there: what is left is about the other end
 * @words: what was said about impairments, of this end and of the other
 */
struct vnet_line {
	int argc;
	char **argv;
	struct nlmsghdr *request;
	unsigned int seen;
	__u32 wire;
	bool peer;
	struct vnet_words words[2];
};

/**
 * struct vnet_key - a word that may stand behind "type vnet"
 * @name: the word
 * @values: what may follow, in words; NULL if it stands alone
 * @parse: does what it means; gets the word behind it if there are @values;
 *	returns 0, or negative when it has told the user why not
 */
struct vnet_key {
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
 * Return: 0, always.
 */
static int vnet_parse_peer(struct vnet_line *line, const char *value)
{
	(void)value;
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
	fputs(vnet_words_usage, stderr);
	return -1;
}

static const struct vnet_key vnet_keys[] = {
	{ "wire", "peer, loop or reflect", vnet_parse_wire },
	{ "peer", NULL, vnet_parse_peer },
	{ "help", NULL, vnet_parse_help },
};

/**
 * vnet_find_key() - look a word up
 * @name: the word
 *
 * Return: its place in vnet_keys, or NULL if it is not there.
 */
static const struct vnet_key *vnet_find_key(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(vnet_keys); i++) {
		if (!strcmp(name, vnet_keys[i].name))
			return &vnet_keys[i];
	}
	return NULL;
}

/**
 * vnet_parse_key() - take the first word of a line, and its value
 * @line: the line
 * @word: its first word
 *
 * Return: 0, or negative if something is wrong, which it has told the user.
 */
static int vnet_parse_key(struct vnet_line *line, const struct vnet_key *word)
{
	unsigned int bit = 1u << (word - vnet_keys);
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
 * vnet_parse_line() - take the words that are ours
 * @line: the line
 *
 * Return: 0, or negative if something is wrong, which the user has been told.
 */
static int vnet_parse_line(struct vnet_line *line)
{
	const struct vnet_key *key;

	while (line->argc) {
		key = vnet_find_key(line->argv[0]);
		if (key) {
			if (vnet_parse_key(line, key))
				return -1;
		} else if (vnet_word_find(line->argv[0])) {
			if (vnet_words_take(&line->words[line->peer],
					    &line->argc, &line->argv))
				return -1;
		} else {
			break;
		}
	}
	return 0;
}

/**
 * vnet_append_words() - append what was said about the impairments of one end
 * @line: the line
 * @type: IFLA_VNET_IMPAIR or IFLA_VNET_PEER_IMPAIR
 * @words: what was said
 *
 * Return: 0, or negative if there is no room, which ip has told the user.
 */
static int vnet_append_words(struct vnet_line *line, int type,
			     const struct vnet_words *words)
{
	struct nlmsghdr *request = line->request;
	struct rtattr *nest;

	if (!words->any)
		return 0;
	nest = (void *)((char *)request + NLMSG_ALIGN(request->nlmsg_len));
	if (vnet_append(line, type | NLA_F_NESTED, NULL, 0))
		return -1;
	for (int i = 0; i < VNET_IMPAIR_PATTERN; i++) {
		if (words->given[i] &&
		    vnet_append(line, i, &words->value[i],
				sizeof(words->value[i])))
			return -1;
	}
	if (words->text && vnet_append(line, VNET_IMPAIR_PATTERN, words->text,
				       strlen(words->text) + 1))
		return -1;
	nest->rta_len = (char *)request + NLMSG_ALIGN(request->nlmsg_len) -
			(char *)nest;
	return 0;
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
	bool create;

	(void)util;
	if (!addattr_l || !iplink_parse) {
		vnet_err("this ip lacks what a plugin needs; iproute2 5.11 and later have it");
		return -1;
	}

	create = request->nlmsg_flags & NLM_F_CREATE;
	if (vnet_parse_line(&line))
		return -1;
	if (line.peer && line.wire != VNET_WIRE_PEER) {
		vnet_err("a link with \"wire %s\" has no peer",
			 vnet_wire_names[line.wire]);
		return -1;
	}
	if (vnet_append_words(&line, IFLA_VNET_IMPAIR, &line.words[0]) ||
	    vnet_append_words(&line, IFLA_VNET_PEER_IMPAIR, &line.words[1]))
		return -1;
	if (line.peer && create)
		return vnet_parse_peer_link(&line);
	if (line.peer && (line.argc || !line.words[1].any)) {
		vnet_err("of a link's peer, only impairments can be set from here");
		return -1;
	}
	if (line.argc) {
		vnet_err("unknown word \"%s\"; 'ip link help vnet' shows all",
			 line.argv[0]);
		return -1;
	}
	return 0;
}

/**
 * vnet_print_wire() - print what is at the other end
 * @attr: IFLA_VNET_WIRE
 */
static void vnet_print_wire(const struct rtattr *attr)
{
	char number[sizeof("4294967295")];
	const char *name = number;
	__u32 value;

	if (RTA_PAYLOAD(attr) < sizeof(value))
		return;
	memcpy(&value, RTA_DATA(attr), sizeof(value));
	if (value < ARRAY_SIZE(vnet_wire_names))
		name = vnet_wire_names[value];
	else /* a newer kernel's */
		snprintf(number, sizeof(number), "%u", value);
	print_color_string(IP_PRINT_ANY, IP_COLOR_NONE, "wire", "wire %s ",
			   name);
}

/**
 * vnet_read_attrs() - sort the numbers in a nest
 * @nest: the nest
 * @given: which there are
 * @value: their values
 * @count: how many may be told apart
 *
 * Return: the pattern of losses, or NULL.
 */
static const char *vnet_read_attrs(const struct rtattr *nest, bool *given,
				   __u64 *value, unsigned int count)
{
	int left = RTA_PAYLOAD(nest);
	const char *text = NULL;
	struct rtattr *attr;
	unsigned int type;

	for (attr = RTA_DATA(nest); RTA_OK(attr, left);
	     attr = RTA_NEXT(attr, left)) {
		type = attr->rta_type & NLA_TYPE_MASK;
		if (type == VNET_IMPAIR_PATTERN && type >= count &&
		    RTA_PAYLOAD(attr) &&
		    !((char *)RTA_DATA(attr))[RTA_PAYLOAD(attr) - 1])
			text = RTA_DATA(attr);
		if (type >= count || RTA_PAYLOAD(attr) != sizeof(*value))
			continue;
		given[type] = true;
		memcpy(&value[type], RTA_DATA(attr), sizeof(*value));
	}
	return text;
}

/**
 * vnet_print_text() - print what is no JSON
 * @text: the text
 */
static void vnet_print_text(const char *text)
{
	print_color_string(IP_PRINT_ANY, IP_COLOR_NONE, NULL, "%s ", text);
}

/**
 * vnet_print_number() - print a number under its word
 * @key: its name in JSON
 * @text: what else is printed
 * @value: the number
 */
static void vnet_print_number(const char *key, const char *text, __u64 value)
{
	if (is_json_context())
		print_color_u64(IP_PRINT_JSON, IP_COLOR_NONE, key, NULL, value);
	else
		vnet_print_text(text);
}

/**
 * vnet_print_word() - print a setting by its word
 * @word: the word
 * @value: its value
 */
static void vnet_print_word(const struct vnet_word *word, __u64 value)
{
	char number[64], line[96];

	if (word->unit != VNET_IS) {
		vnet_word_text(word, value, number, sizeof(number));
		snprintf(line, sizeof(line), "%s %s", word->name, number);
		vnet_print_number(word->name, line, value);
	} else if (is_json_context()) {
		print_color_bool(IP_PRINT_JSON, IP_COLOR_NONE, word->name, NULL,
				 true);
	} else {
		vnet_print_text(word->name);
	}
}

/**
 * vnet_print_loss_json() - print what loss is like, in JSON
 * @said: the settings
 */
static void vnet_print_loss_json(const struct vnet_words *said)
{
	static const char * const models[] = {
		[VNET_LOSS_NONE] = "none", [VNET_LOSS_RANDOM] = "random",
		[VNET_LOSS_BURST] = "burst", [VNET_LOSS_GE] = "ge",
		[VNET_LOSS_4STATE] = "4state", [VNET_LOSS_PATTERN] = "pattern",
	};
	__u64 model = said->value[VNET_IMPAIR_LOSS_MODEL];

	print_color_string(IP_PRINT_JSON, IP_COLOR_NONE, "loss_model", NULL,
			   model < ARRAY_SIZE(models) ? models[model] : "?");
	if (said->text)
		print_color_string(IP_PRINT_JSON, IP_COLOR_NONE, "pattern",
				   NULL, said->text);
}

/**
 * vnet_print_loss() - print what loss is like, as it can be read again
 * @said: the settings
 *
 * Loss and burst belong to the model and are printed here, also where the
 * kernel has not sent them because they are as usual: without "burst 1" it
 * would be another model.
 */
static void vnet_print_loss(const struct vnet_words *said)
{
	__u64 burst = said->given[VNET_IMPAIR_BURST] ?
		      said->value[VNET_IMPAIR_BURST] : 1000;
	char number[64], line[VNET_PATTERN_LEN + 32];
	const char *text = line;

	switch (said->value[VNET_IMPAIR_LOSS_MODEL]) {
	case VNET_LOSS_RANDOM:
	case VNET_LOSS_BURST:
		vnet_word_text(vnet_word_for(VNET_IMPAIR_BAD, 0),
			       said->value[VNET_IMPAIR_LOSS], number,
			       sizeof(number));
		snprintf(line, sizeof(line), "loss %s", number);
		break;
	case VNET_LOSS_GE:
		text = "loss ge";
		break;
	case VNET_LOSS_4STATE:
		text = "loss 4state";
		break;
	case VNET_LOSS_PATTERN:
		snprintf(line, sizeof(line), "loss pattern %s",
			 said->text ? said->text : "");
		break;
	default: /* a newer kernel's */
		text = "loss ?";
	}
	vnet_print_text(text);
	if (said->value[VNET_IMPAIR_LOSS_MODEL] == VNET_LOSS_BURST)
		vnet_print_word(vnet_word_for(VNET_IMPAIR_BURST, 0), burst);
}

/**
 * vnet_print_flap() - print for how long the link has a carrier, and has none
 * @said: the settings
 */
static void vnet_print_flap(const struct vnet_words *said)
{
	const struct vnet_word *word = vnet_word_for(VNET_IMPAIR_DELAY, 0);
	__u64 up = said->value[VNET_IMPAIR_FLAP_UP];
	__u64 down = said->value[VNET_IMPAIR_FLAP_DOWN];
	char first[64], second[64], line[160];

	if (is_json_context()) {
		vnet_print_number("flap_up", NULL, up);
		vnet_print_number("flap_down", NULL, down);
		return;
	}
	vnet_word_text(word, up, first, sizeof(first));
	vnet_word_text(word, down, second, sizeof(second));
	snprintf(line, sizeof(line), "flap %s %s", first, second);
	vnet_print_text(line);
}

/**
 * vnet_print_setting() - print one setting
 * @said: all of them
 * @attr: which, VNET_IMPAIR_*
 */
static void vnet_print_setting(const struct vnet_words *said, unsigned int attr)
{
	const struct vnet_word *word = vnet_word_for(attr, said->value[attr]);

	switch (attr) {
	case VNET_IMPAIR_LOSS_MODEL:
		if (is_json_context())
			vnet_print_loss_json(said);
		else
			vnet_print_loss(said);
		break;
	case VNET_IMPAIR_LOSS: /* has no word of its own */
		if (is_json_context())
			vnet_print_number("loss", NULL, said->value[attr]);
		break;
	case VNET_IMPAIR_BURST:
		if (is_json_context())
			vnet_print_word(word, said->value[attr]);
		break;
	case VNET_IMPAIR_FLAP_UP:
		vnet_print_flap(said);
		break;
	case VNET_IMPAIR_FLAP_DOWN: /* is behind the other */
		break;
	default:
		if (word)
			vnet_print_word(word, said->value[attr]);
	}
}

/**
 * vnet_print_impair() - print what happens to the frames of a direction
 * @nest: IFLA_VNET_IMPAIR
 *
 * As it can be read again; in JSON as the kernel has it: times in ns,
 * probabilities in parts of 1 000 000 000.
 */
static void vnet_print_impair(const struct rtattr *nest)
{
	struct vnet_words said = {};
	bool vlan = false;

	said.text = vnet_read_attrs(nest, said.given, said.value,
				    ARRAY_SIZE(said.given));
	open_json_object("impair");
	for (int i = VNET_IMPAIR_SEED; i < VNET_IMPAIR_PATTERN; i++) {
		if (!said.given[i])
			continue;
		if (!vlan && i >= VNET_IMPAIR_VLAN_MATCH &&
		    i <= VNET_IMPAIR_VLAN_PROTO && !is_json_context()) {
			vlan = true;
			vnet_print_text("vlan");
		}
		vnet_print_setting(&said, i);
	}
	close_json_object();
}

/**
 * vnet_can_print() - whether this ip has what is needed to print
 *
 * Return: true if it has.
 */
static bool vnet_can_print(void)
{
	return print_color_string && print_color_u64 && print_color_bool &&
	       is_json_context && open_json_array && close_json_array &&
	       open_json_object && close_json_object;
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
	(void)util;
	(void)file;
	if (!attr || !vnet_can_print())
		return;
	if (attr[IFLA_VNET_WIRE])
		vnet_print_wire(attr[IFLA_VNET_WIRE]);
	if (attr[IFLA_VNET_IMPAIR])
		vnet_print_impair(attr[IFLA_VNET_IMPAIR]);
}

/* The names of VNET_XSTAT_*, from VNET_XSTAT_FRAMES on. */
static const char * const vnet_xstat_names[] = {
	"frames", "lost", "duplicated", "corrupted", "truncated", "reordered",
	"reordered_late", "queue_drops", "ecn_marked", "limit_drops",
	"no_memory", "cut", "no_carrier", "vlan_popped", "vlan_translated",
	"vlan_pushed", "clamped", "delivered", "late", "in_flight",
	"in_flight_bytes", "queue_peak", "late_p50_ns", "late_p99_ns",
	"late_max_ns",
};

/**
 * vnet_print_late() - print how many frames were so late
 * @up_to: by how many ns at most, and by more than half of it
 * @frames: how many
 */
static void vnet_print_late(__u64 up_to, __u64 frames)
{
	char line[64];

	snprintf(line, sizeof(line), "%llu:%llu", (unsigned long long)up_to,
		 (unsigned long long)frames);
	open_json_object(NULL);
	vnet_print_number("up_to_ns", line, up_to);
	if (is_json_context())
		vnet_print_number("frames", NULL, frames);
	close_json_object();
}

/**
 * vnet_print_lateness() - print how late frames were, where there were any
 * @xstats: IFLA_INFO_XSTATS
 */
static void vnet_print_lateness(const struct rtattr *xstats)
{
	int left = RTA_PAYLOAD(xstats), count;
	struct rtattr *attr = RTA_DATA(xstats);
	__u64 frames, up_to = 7;
	bool any = false;

	while (RTA_OK(attr, left) && attr->rta_type != VNET_XSTAT_LATENESS)
		attr = RTA_NEXT(attr, left);
	if (!RTA_OK(attr, left))
		return;
	count = RTA_PAYLOAD(attr) / sizeof(frames);
	open_json_array(IP_PRINT_JSON, "lateness");
	for (int i = 0; i < count; i++, up_to = 2 * up_to + 1) {
		memcpy(&frames, (char *)RTA_DATA(attr) + i * sizeof(frames),
		       sizeof(frames));
		if (!frames)
			continue;
		if (!any && !is_json_context())
			vnet_print_text("late_up_to_ns");
		any = true;
		vnet_print_late(up_to, frames);
	}
	close_json_array(IP_PRINT_JSON, NULL);
}

/**
 * vnet_print_xstats() - print what a direction has counted
 * @util: ours
 * @file: not used: ip's functions know where to
 * @xstats: IFLA_INFO_XSTATS
 *
 * In words only what is not 0; in JSON all.
 */
static void vnet_print_xstats(struct link_util *util, FILE *file,
			      struct rtattr *xstats)
{
	__u64 value[VNET_XSTAT_LATENESS] = {};
	bool given[VNET_XSTAT_LATENESS] = {};
	bool any = is_json_context();
	char line[64];

	(void)util;
	(void)file;
	if (!vnet_can_print() || !RTA_PAYLOAD(xstats))
		return;
	vnet_read_attrs(xstats, given, value, ARRAY_SIZE(value));
	open_json_object("line");
	for (int i = VNET_XSTAT_FRAMES; i < VNET_XSTAT_LATENESS; i++) {
		const char *name = vnet_xstat_names[i - VNET_XSTAT_FRAMES];

		if (!given[i] || (!value[i] && !is_json_context()))
			continue;
		if (!any)
			vnet_print_text("\n    line:");
		any = true;
		snprintf(line, sizeof(line), "%s %llu", name,
			 (unsigned long long)value[i]);
		vnet_print_number(name, line, value[i]);
	}
	vnet_print_lateness(xstats);
	close_json_object();
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
	fputs(vnet_words_usage, file);
}

struct link_util vnet_link_util = {
	.id = "vnet",
	.maxattr = IFLA_VNET_MAX,
	.parse_opt = vnet_parse_opt,
	.print_opt = vnet_print_opt,
	.print_xstats = vnet_print_xstats,
	.print_help = vnet_print_help,
};
