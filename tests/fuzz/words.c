// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Fuzzes ip's plugin: any line, any attributes, any number
 *
 * A line that is refused must be so with one sentence. What is taken comes to
 * settings as in the kernel; what these take too is told as the kernel tells
 * it, printed, and read again: that must give the same settings.
 *
 * An input: a byte that says what it is, and the rest. A line has a byte more,
 * which says how full the request already is, and blanks between its words.
 */

#include "ip.h"
#include "model.h"
#include "words.h"

/* Words of a line at most. */
#define WORDS 128

/* Where the attributes of a request begin. */
#define BEGIN ((unsigned int)offsetof(struct iplink_req, buffer))

/**
 * struct outcome - what came of a line
 * @status: what the plugin returned
 * @said: what it wrote to standard error, to be freed
 * @request: what would be sent
 * @used: how much of it was full before
 */
struct outcome {
	int status;
	char *said;
	struct iplink_req request;
	unsigned int used;
};

/**
 * parse() - let the plugin parse a line
 * @outcome: what comes of it
 * @line: the words; cut up
 * @flags: of the request
 * @used: how much of it is already full
 */
static void parse(struct outcome *outcome, char *line, int flags,
		  unsigned int used)
{
	static const struct ifinfomsg own = { .ifi_index = 55, .ifi_flags = 1 };
	char *argv[WORDS], *word;
	FILE *real = stderr;
	size_t size;
	int argc = 0;

	memset(&outcome->request, 0, sizeof(outcome->request));
	outcome->request.header.nlmsg_flags = flags;
	outcome->request.header.nlmsg_len = used;
	outcome->request.link = own;
	outcome->used = used;
	while (argc < WORDS && (word = strsep(&line, "\n ")))
		if (*word)
			argv[argc++] = word;
	ip_told = false;
	stderr = open_memstream(&outcome->said, &size);
	must(stderr);
	outcome->status = vnet_link_util.parse_opt(&vnet_link_util, argc, argv,
						   &outcome->request.header);
	fclose(stderr);
	stderr = real;
	must(!memcmp(&outcome->request.link, &own, sizeof(own)));
}

/**
 * look_at_words() - what was said of a refused line
 * @outcome: the outcome
 */
static void look_at_words(const struct outcome *outcome)
{
	const char *said = outcome->said, *end = strchr(said, '\n');

	if (!outcome->status || ip_told) {
		must(!*said);
		return;
	}
	must(end);
	if (strncmp(said, "Usage: ", 7)) {
		must(!strncmp(said, "vnet: ", 6));
		must(!end[1]);
		must(end - said > 16);
	}
}

/**
 * ask() - read a nest of attributes as the kernel does
 * @nest: the nest
 * @asked: where to note it
 */
static void ask(const struct rtattr *nest, struct vnet_asked *asked)
{
	int left = RTA_PAYLOAD(nest);
	const struct rtattr *attr;

	memset(asked, 0, sizeof(*asked));
	for (attr = RTA_DATA(nest); RTA_OK(attr, left);
	     attr = RTA_NEXT(attr, left)) {
		unsigned int type = attr->rta_type;

		if (type == VNET_IMPAIR_PATTERN) {
			must(!asked->text);
			asked->text = RTA_DATA(attr);
			must(RTA_PAYLOAD(attr) <= VNET_PATTERN_LEN);
			must(strlen(asked->text) + 1 == RTA_PAYLOAD(attr));
			continue;
		}
		must(type >= VNET_IMPAIR_CLEAR);
		must(type < VNET_IMPAIR_PATTERN);
		must(RTA_PAYLOAD(attr) == sizeof(__u64));
		must(!asked->given[type]);
		asked->given[type] = true;
		memcpy(&asked->value[type], RTA_DATA(attr), sizeof(__u64));
	}
	must(!left);
}

/**
 * tell() - put settings into attributes as the kernel does
 * @impair: the settings
 * @nest: where; there is room for all
 */
static void tell(const struct vnet_impair *impair, struct nlmsghdr *nest)
{
	const int room = sizeof(struct iplink_req);

	/* Only the lengths differ; print_opt() sees neither head. */
	nest->nlmsg_len = NLMSG_HDRLEN;
	for (int i = VNET_IMPAIR_SEED; i < VNET_IMPAIR_PATTERN; i++)
		if (i == VNET_IMPAIR_SEED ||
		    impair->set[i] != vnet_setting[i].usual)
			must(!addattr_l(nest, room, i, &impair->set[i],
					sizeof(impair->set[i])));
	if (impair->text[0])
		must(!addattr_l(nest, room, VNET_IMPAIR_PATTERN, impair->text,
				strlen(impair->text) + 1));
}

/**
 * show() - let the plugin print an attribute, in words and in JSON
 * @type: IFLA_VNET_*, or 0 for statistics
 * @data: what it holds
 * @len: length of @data
 */
static void show(unsigned int type, const void *data, size_t len)
{
	struct rtattr *attr[IFLA_VNET_MAX + 1] = {};
	struct rtattr *one = malloc(RTA_LENGTH(len));

	must(one);
	one->rta_type = type;
	one->rta_len = RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(one), data, len);
	ip_length = 0;
	ip_printed[0] = '\0';
	for (int json = 1; json >= 0; json--) {
		ip_json = json;
		attr[type] = one;
		if (type)
			vnet_link_util.print_opt(&vnet_link_util, stdout, attr);
		else
			vnet_link_util.print_xstats(&vnet_link_util, stdout,
						    one);
		must(ip_names < 0);
	}
	free(one);
}

/**
 * look_at_print() - print settings, and have that read again
 * @impair: the settings
 */
static void look_at_print(const struct vnet_impair *impair)
{
	struct iplink_req told = {};
	struct vnet_impair again;
	struct vnet_asked asked;
	struct outcome outcome;

	tell(impair, &told.header);
	show(IFLA_VNET_IMPAIR, (char *)&told + NLMSG_HDRLEN,
	     told.header.nlmsg_len - NLMSG_HDRLEN);
	parse(&outcome, ip_printed, NLM_F_CREATE, BEGIN);
	must(!outcome.status && !*outcome.said);
	ask((void *)outcome.request.buffer, &asked);
	vnet_impair_init(&again, 0, 0);
	must(model_check(&again, &asked));
	must(!memcmp(again.set, impair->set, sizeof(again.set)));
	must(!strcmp(again.text, impair->text));
	free(outcome.said);
}

/**
 * look_at_repeats() - whether a word stands twice in a line that was taken
 * @line: the line, cut up, of which the peer's part does not count
 * @size: its length
 */
static void look_at_repeats(const char *line, size_t size)
{
	const char *end = line + size, *word, *other;

	for (word = line; word < end && strcmp(word, "peer");
	     word += strlen(word) + 1) {
		if (!vnet_word_find(word))
			continue;
		for (other = word + strlen(word) + 1;
		     other < end && strcmp(other, "peer");
		     other += strlen(other) + 1)
			must(strcmp(word, other));
	}
}

/**
 * look_at_request() - what the kernel makes of a line that was taken
 * @outcome: its outcome
 *
 * Return: true if it takes it, too.
 */
static bool look_at_request(const struct outcome *outcome)
{
	const char *begin = (char *)&outcome->request + outcome->used;
	int left = outcome->request.header.nlmsg_len - outcome->used;
	const struct rtattr *attr;
	struct vnet_impair impair;
	struct vnet_asked asked;
	unsigned int seen = 0, type;
	bool taken = true;

	for (attr = (void *)begin; RTA_OK(attr, left);
	     attr = RTA_NEXT(attr, left)) {
		type = attr->rta_type & NLA_TYPE_MASK;
		must(type && type <= IFLA_VNET_MAX);
		must(!(seen & 1u << type));
		seen |= 1u << type;
		if (type == IFLA_VNET_WIRE)
			must(RTA_PAYLOAD(attr) == sizeof(__u32));
		if (type == IFLA_VNET_PEER)
			must(RTA_PAYLOAD(attr) >= sizeof(struct ifinfomsg));
		if (type < IFLA_VNET_IMPAIR)
			continue;
		must(attr->rta_type & NLA_F_NESTED);
		ask(attr, &asked);
		vnet_impair_init(&impair, type == IFLA_VNET_PEER_IMPAIR, 0);
		if (model_check(&impair, &asked))
			look_at_print(&impair);
		else
			taken = false;
	}
	must(!left);
	return taken;
}

/**
 * fuzz_line() - a line
 * @in: the input
 * @flags: of the request
 */
static void fuzz_line(struct fuzz_input *in, int flags)
{
	/* Once in a while nearly full. */
	unsigned int used = BEGIN + 4 * fuzz_byte(in), size;
	struct outcome outcome;
	char *line;

	used = used > IP_REQUEST_MAX ? IP_REQUEST_MAX : used;
	line = fuzz_text(in, in->left);
	size = strlen(line);
	parse(&outcome, line, flags, used);
	must(outcome.request.header.nlmsg_len <= sizeof(outcome.request));
	look_at_words(&outcome);
	if (!outcome.status && look_at_request(&outcome)) {
		for (unsigned int i = 0; i < size; i++)
			if (line[i] == ' ' || line[i] == '\n')
				line[i] = '\0';
		look_at_repeats(line, size);
	}
	free(outcome.said);
	free(line);
}

/**
 * fuzz_numbers() - any attributes that are numbers
 * @in: the input
 * @type: IFLA_VNET_*, or 0 for statistics
 */
static void fuzz_numbers(struct fuzz_input *in, unsigned int type)
{
	struct iplink_req told = { .header.nlmsg_len = NLMSG_HDRLEN };
	unsigned int attr;
	__u64 value;

	while (in->left) {
		attr = fuzz_byte(in);
		value = fuzz_number(in, attr & 128 ? 8 : 1);
		if (addattr_l(&told.header, sizeof(told), attr & 63, &value,
			      sizeof(value)))
			break;
	}
	show(type, (char *)&told + NLMSG_HDRLEN,
	     told.header.nlmsg_len - NLMSG_HDRLEN);
}

/**
 * fuzz_value() - a value that is written and read, and the other way round
 * @in: the input
 * @unit: VNET_NUMBER to VNET_BITRATE
 */
static void fuzz_value(struct fuzz_input *in, enum vnet_unit unit)
{
	const struct vnet_word word = { .name = "x", .unit = unit };
	__u64 value = fuzz_number(in, 8), again;
	char *text = fuzz_text(in, in->left);
	char written[64];

	for (int i = 0; i < 2; i++) {
		memset(written, 'x', sizeof(written));
		vnet_word_text(&word, value, written, sizeof(written));
		must(strlen(written) < sizeof(written) - 1);
		must(!vnet_word_read(unit, written, &again));
		must(again == value);
		if (vnet_word_read(unit, text, &value))
			break;
		/* Now what was read is written. */
		must(*text != '-' && *text != '.');
	}
	free(text);
}

/**
 * LLVMFuzzerTestOneInput() - do what the first byte of an input says
 * @data: the input
 * @size: its bytes
 *
 * Return: 0, always.
 */
int LLVMFuzzerTestOneInput(const __u8 *data, size_t size)
{
	static const unsigned int types[] = {
		0, IFLA_VNET_WIRE, IFLA_VNET_IMPAIR, IFLA_VNET_IMPAIR,
	};
	struct fuzz_input in = { data, size };
	unsigned int what = fuzz_byte(&in);
	unsigned int type = types[what >> 3 & 3];
	char *bytes;

	switch (what & 7) {
	case 1:
		fuzz_line(&in, 0);
		break;
	case 2: /* any bytes */
		size = in.left;
		bytes = fuzz_text(&in, size);
		show(type, bytes, size);
		free(bytes);
		break;
	case 3:
		fuzz_numbers(&in, type);
		break;
	case 4:
		fuzz_value(&in, VNET_NUMBER + (what >> 3) % 6);
		break;
	default:
		fuzz_line(&in, NLM_F_CREATE);
	}
	return 0;
}
