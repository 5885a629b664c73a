/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.c - two-word names of runs: 128 adjectives by 128 animals.
 */
#include <stdio.h>

#include "api/orchestration/create.h"
#include "base/compiler.h"

static const char *const adjectives[] = {
    "able",    "agile",    "airy",    "amber",    "ample",   "ardent",   "autumn",
    "balmy",   "bold",     "brave",   "breezy",   "brief",   "bright",   "brisk",
    "bronze",  "calm",     "candid",  "careful",  "casual",  "cheery",   "chilly",
    "chosen",  "civic",    "clear",   "clever",   "cobalt",  "copper",   "coral",
    "cosmic",  "cozy",     "crimson", "crisp",    "curious", "dapper",   "daring",
    "dawning", "deft",     "dusky",   "eager",    "early",   "earnest",  "easy",
    "elder",   "electric", "fabled",  "fair",     "famous",  "fast",     "fearless",
    "fine",    "fleet",    "fluent",  "fond",     "free",    "fresh",    "frosty",
    "gentle",  "gilded",   "glad",    "gleaming", "golden",  "grand",    "green",
    "handy",   "hardy",    "hasty",   "honest",   "humble",  "icy",      "idle",
    "indigo",  "jolly",    "keen",    "kind",     "lively",  "lofty",    "loyal",
    "lucid",   "lucky",    "lunar",   "mellow",   "merry",   "mighty",   "misty",
    "modest",  "mossy",    "neat",    "nimble",   "noble",   "northern", "novel",
    "patient", "placid",   "plucky",  "polar",    "polite",  "prime",    "proud",
    "quick",   "quiet",    "rapid",   "ready",    "robust",  "rosy",     "royal",
    "rustic",  "sandy",    "scarlet", "serene",   "sharp",   "shiny",    "silent",
    "silver",  "sincere",  "sleek",   "smooth",   "snowy",   "solar",    "solid",
    "spry",    "stable",   "steady",  "sturdy",   "sunny",   "swift",    "tidy",
    "violet",  "vivid"};

static const char *const animals[] = {
    "adder",   "alpaca",  "ant",     "antelope", "badger",  "bat",     "bear",
    "beaver",  "bee",     "beetle",  "bison",    "boar",    "bobcat",  "bream",
    "buffalo", "bull",    "camel",   "carp",     "cat",     "cheetah", "cicada",
    "clam",    "cobra",   "cod",     "condor",   "cougar",  "coyote",  "crab",
    "crane",   "cricket", "crow",    "cuckoo",   "deer",    "dingo",   "dolphin",
    "donkey",  "dove",    "duck",    "eagle",    "eel",     "egret",   "elk",
    "emu",     "ermine",  "falcon",  "ferret",   "finch",   "firefly", "fox",
    "frog",    "gazelle", "gecko",   "gibbon",   "giraffe", "gnu",     "goat",
    "goose",   "grouse",  "gull",    "hare",     "harrier", "hawk",    "heron",
    "herring", "hornet",  "horse",   "hound",    "ibex",    "ibis",    "iguana",
    "impala",  "jackal",  "jaguar",  "jay",      "kestrel", "koala",   "kudu",
    "lark",    "lemming", "lemur",   "leopard",  "lion",    "lizard",  "llama",
    "lobster", "lynx",    "magpie",  "mallard",  "marmot",  "marten",  "mink",
    "mole",    "moose",   "moth",    "mouse",    "mule",    "newt",    "ocelot",
    "octopus", "orca",    "oriole",  "osprey",   "otter",   "owl",     "panda",
    "panther", "parrot",  "pelican", "penguin",  "pike",    "plover",  "pony",
    "puffin",  "quail",   "rabbit",  "raven",    "robin",   "salmon",  "seal",
    "sparrow", "squid",   "stork",   "swan",     "tapir",   "tern",    "tiger",
    "toad",    "walrus"};

void run_name_make(char buf[RUN_NAME_SIZE])
{
	struct uuid u;

	uuid_v4(&u);
	(void)snprintf(buf, RUN_NAME_SIZE, "%s-%s",
		       adjectives[(u.b[0] * 256u + u.b[1]) % ARRAY_LEN(adjectives)],
		       animals[(u.b[2] * 256u + u.b[3]) % ARRAY_LEN(animals)]);
}
