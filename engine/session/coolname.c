/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coolname.c - two words at random.
 */
#include "engine/session/coolname.h"

#include "base/backoff.h"
#include "base/compiler.h"
#include "base/mem.h"

static const char *const adjectives[] = {
    "agile",   "amber",    "bold",    "brave",  "breezy",   "brisk",   "bright",
    "calm",    "cheerful", "clever",  "cobalt", "copper",   "cosmic",  "crimson",
    "curious", "dapper",   "daring",  "eager",  "early",    "elegant", "fearless",
    "fluffy",  "gentle",   "glad",    "golden", "graceful", "happy",   "honest",
    "humble",  "ivory",    "jolly",   "keen",   "kind",     "lively",  "lucky",
    "lunar",   "mellow",   "merry",   "mighty", "misty",    "modest",  "nimble",
    "noble",   "olive",    "patient", "polite", "proud",    "quick",   "quiet",
    "radiant", "rapid",    "ruby",    "serene", "sharp",    "shiny",   "silver",
    "smooth",  "snowy",    "solar",   "steady", "sunny",    "swift",   "tidy",
    "vivid",   "warm",     "wise",    "witty",  "zesty"};
static const char *const nouns[] = {
    "alpaca",  "badger",  "beaver",  "bison",    "bobcat",  "camel",   "caribou",
    "cheetah", "condor",  "coyote",  "crane",    "dingo",   "dolphin", "eagle",
    "falcon",  "ferret",  "finch",   "fox",      "gazelle", "gecko",   "gibbon",
    "goose",   "hare",    "hawk",    "heron",    "hornet",  "ibex",    "iguana",
    "jackal",  "jaguar",  "kestrel", "koala",    "lemur",   "leopard", "llama",
    "lynx",    "magpie",  "marten",  "meerkat",  "moose",   "narwhal", "newt",
    "ocelot",  "orca",    "osprey",  "otter",    "owl",     "panther", "parrot",
    "pelican", "penguin", "puffin",  "quail",    "rabbit",  "raven",   "robin",
    "salmon",  "seal",    "sparrow", "squirrel", "stork",   "swan",    "tapir",
    "tiger",   "toucan",  "walrus",  "wombat",   "zebra"};

static const char *draw(const char *const *words, size_t count)
{
	return words[(size_t)(random_unit() * (double)count) % count];
}

char *coolname(void)
{
	return xasprintf("%s-%s", draw(adjectives, ARRAY_LEN(adjectives)),
			 draw(nouns, ARRAY_LEN(nouns)));
}
