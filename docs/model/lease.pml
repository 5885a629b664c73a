/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease.pml - the lease of one run, as agent/lease.c, pools/lua/ and the API see it.
 *
 *   claim.lua   gives the run with a larger token (:fence) and a lease
 *   Pending     the API takes the token, and refuses a smaller one (decided_by_fence)
 *   start.lua   the last question before the fork
 *   renew.lua   prolongs; the owner counts from the moment of SENDING, minus the margin
 *   lease_tick  at trusted_until: KILL (started) or FORGET
 *   reap.lua    takes an expired lease away, with a new token
 *
 * Every call is two steps, the script and the arrival of its answer; answers and reports
 * take any time or are lost.  Time is a tick; it does not pass while a deadline of an owner
 * is due: its timer fires in time.  A stopped owner (SIGSTOP of the host) executes nothing,
 * and its timers run first when it goes on.
 *
 * Checked (docs/reliability.md): never do two owners execute the run, and its end never comes
 * from an owner that had been replaced.  Variants that have to fail:
 *   -DNO_MARGIN           trusted until the lease ends, counted from the answer
 *   -DDROP_FENCE_CHECK    the API accepts a smaller token
 *   -DNO_SELF_KILL        lease_tick does nothing
 *   -DSTART_LATE          the answer of start.lua counts after trusted_until
 */

#define WORKERS  2
#define LEASE_MS 3 /* ticks */
#define NOW_MAX  9
#define TOK_MAX  3
#ifdef NO_MARGIN
#define TRUSTED(sent) (now + LEASE_MS)
#else
#define MARGIN_MS 1
#define TRUSTED(sent) (sent + LEASE_MS - MARGIN_MS)
#endif
#define NO   0 /* no answer is under way */
#define OK   1
#define LOST 2

mtype = { LEASE_CLAIMED, LEASE_PENDING, LEASE_STARTED, LEASE_ENDING, LEASE_GONE };

byte now;

/* Redis */
bool leased;  /* :run st */
byte tok;     /* :run tok */
byte exp;     /* :lease */
byte fence;   /* :fence */
bool started; /* :run started */

/* SQL */
byte sql_fence;
bool over;
byte over_by; /* token of the owner that ended it */

/* the workers: lease table, answers under way, journal */
typedef table {
	mtype state;
	byte token, trusted_until;
	bool executing, stopped;
	byte claim_tok, claim_sent;
	byte start_answer, start_tok;
	byte renew_answer, renew_tok, renew_sent;
	byte journal /* token of the report in it */
};
table t[WORKERS];

#define DUE(w) (t[w].state != LEASE_GONE && t[w].trusted_until <= now)
#ifdef NO_SELF_KILL
#define TIMERS_RAN true
#else
#define TIMERS_RAN ((t[0].stopped || !DUE(0)) && (t[1].stopped || !DUE(1)))
#endif
#ifdef START_LATE
#define TOO_LATE(w) false
#else
#define TOO_LATE(w) DUE(w) /* start_answer() of agent/claimer.c */
#endif
#define MINE(w) (leased && tok == t[w].token)
#define EXECUTES(w) (t[w].executing && !t[w].stopped)

inline gone(w)
{
	t[w].state = LEASE_GONE;
	t[w].executing = false
}

inline claim(w)
{
	fence++;
	tok = fence;
	leased = true;
	started = false;
	exp = now + LEASE_MS;
	t[w].claim_tok = fence;
	t[w].claim_sent = now
}

inline claimed(w)
{
	t[w].state = LEASE_CLAIMED;
	t[w].token = t[w].claim_tok;
	t[w].trusted_until = TRUSTED(t[w].claim_sent);
	t[w].claim_tok = 0
}

inline propose_pending(w)
{
	if
	:: t[w].token >= sql_fence && !over ->
		sql_fence = t[w].token;
		t[w].state = LEASE_PENDING
	:: else -> gone(w)
	fi
}

inline ask_start(w)
{
	t[w].start_tok = t[w].token;
	if
	:: MINE(w) -> started = true; t[w].start_answer = OK
	:: else -> t[w].start_answer = LOST
	fi
}

inline start_answered(w)
{
	if
	:: t[w].state == LEASE_PENDING && t[w].token == t[w].start_tok ->
		if
		:: t[w].start_answer == OK && !TOO_LATE(w) ->
			t[w].state = LEASE_STARTED;
			t[w].executing = true
		:: else -> gone(w)
		fi
	:: else -> skip
	fi;
	t[w].start_answer = NO;
	t[w].start_tok = 0
}

inline ask_renew(w)
{
	t[w].renew_sent = now;
	t[w].renew_tok = t[w].token;
	if
	:: MINE(w) -> exp = now + LEASE_MS; t[w].renew_answer = OK
	:: else -> t[w].renew_answer = LOST
	fi
}

inline lease_renewed(w)
{
	if
	:: t[w].state != LEASE_GONE && t[w].token == t[w].renew_tok ->
		if
		:: t[w].renew_answer == LOST -> gone(w)
		:: t[w].renew_answer == OK &&
		   TRUSTED(t[w].renew_sent) > t[w].trusted_until ->
			t[w].trusted_until = TRUSTED(t[w].renew_sent)
		:: else -> skip
		fi
	:: else -> skip
	fi;
	t[w].renew_answer = NO;
	t[w].renew_tok = 0;
	t[w].renew_sent = 0
}

/* The API answers a report; then settle.lua, if the lease is still there. */
inline deliver(w)
{
	if
#ifdef DROP_FENCE_CHECK
	:: !over -> over = true; over_by = t[w].journal
#else
	:: !over && t[w].journal >= sql_fence -> over = true; over_by = t[w].journal
#endif
	:: else -> skip
	fi;
	if
	:: t[w].state == LEASE_ENDING && t[w].token == t[w].journal ->
		if
		:: MINE(w) -> leased = false
		:: else -> skip
		fi;
		gone(w)
	:: else -> skip
	fi;
	t[w].journal = 0
}

#define RUNS(w) (!t[w].stopped)

proctype worker(byte w)
{
end:
	do
	:: atomic { RUNS(w) && t[w].state == LEASE_GONE && t[w].claim_tok == 0 && !leased &&
		    !over && fence < TOK_MAX -> claim(w) }
	:: atomic { RUNS(w) && t[w].claim_tok != 0 && t[w].state == LEASE_GONE -> claimed(w) }
	:: atomic { t[w].claim_tok != 0 -> t[w].claim_tok = 0 } /* the answer is lost */
	:: atomic { RUNS(w) && t[w].state == LEASE_CLAIMED -> propose_pending(w) }
	:: atomic { RUNS(w) && t[w].state == LEASE_PENDING && t[w].start_answer == NO ->
		ask_start(w) }
	:: atomic { RUNS(w) && t[w].start_answer != NO -> start_answered(w) }
	:: atomic { RUNS(w) && t[w].state != LEASE_GONE && t[w].state != LEASE_ENDING &&
		    t[w].renew_answer == NO -> ask_renew(w) }
	:: atomic { RUNS(w) && t[w].renew_answer != NO -> lease_renewed(w) }
	/* the process ends; its report goes into the journal */
	:: atomic { RUNS(w) && t[w].state == LEASE_STARTED && t[w].journal == 0 ->
		t[w].executing = false;
		t[w].state = LEASE_ENDING;
		t[w].journal = t[w].token }
	:: atomic { RUNS(w) && t[w].journal != 0 -> deliver(w) }
#ifndef NO_SELF_KILL
	:: atomic { DUE(w) -> t[w].stopped = false; gone(w) } /* lease_tick */
#endif
	:: atomic { RUNS(w) && t[w].executing -> t[w].stopped = true }
	:: atomic { t[w].stopped && !DUE(w) -> t[w].stopped = false }
	od
}

/* reap.lua, called by anybody; the API is told with the new token */
proctype reaper()
{
end:
	do
	:: atomic { leased && exp < now && fence < TOK_MAX ->
		leased = false;
		fence++;
		tok = fence;
		if
		:: started && !over && sql_fence < fence -> sql_fence = fence
		:: else -> skip
		fi }
	od
}

proctype clock()
{
end:
	do
	:: atomic { now < NOW_MAX && TIMERS_RAN -> now++ }
	od
}

active proctype invariants()
{
	atomic {
		t[0].state = LEASE_GONE;
		t[1].state = LEASE_GONE;
		run worker(0);
		run worker(1);
		run reaper();
		run clock()
	}
end:
	atomic {
		(EXECUTES(0) && EXECUTES(1)) || (over && over_by < sql_fence) ->
		assert(false)
	}
}
