/*
 * A small model for spin of one device, two processes on one ledger, and two orders. lock/model_test.go searches all of it:
 *
 *     go test ./lock -run TestModel -model-polls 3
 *
 * A person orders, at either process and at any time, and withdraws. The device polls a process, may lose that connection, and polls the
 * other while the first is still at it. A process reads the ledger, opens the box, encodes, claims by a commit that compares the version,
 * and only then sends. It dies between any two of these steps, its commit stored or not, and is started again with nothing but the
 * ledger. Commands and answers get lost, come late and come twice.
 *
 * What it proves, for every order in which that may happen:
 *   - at most one action holds the lane of the device, and whatever is queued or issued holds it (I5);
 *   - no PIN is on the device, or encoded, that the ledger has not, and the ledger gives none up (I1, I2);
 *   - a delivery number is taken once, and each command that leaves has one of its own (I6);
 *   - what the device acknowledged is confirmed, also when it was withdrawn, had lapsed or lost its lane (I7);
 *   - an acknowledgement that the device was told is in, is in the ledger (I9);
 *   - nobody waits for ever for somebody who died: there is no deadlock.
 *
 * What it does not prove: anything of the Go code, which the property test and the mutations are for. It has no candidates, releases,
 * approvals, clocks or deadlines, and no more than one device, two processes, two orders, two deliveries of each, and two or three polls.
 * It takes a commit as atomic and durable, and a reading as that of the last commit, as the contract of Store says. It says nothing of
 * what must happen in the end, only of what never may.
 *
 * The macros FAULT_... are defects: with each of them an assertion fails, so that none holds of nothing.
 */

#define ORDERS     2
#define DELIVERIES 2
#ifndef POLLS
#define POLLS      3
#endif

/* The states of an action. */
#define NONE      0
#define QUEUED    1
#define ISSUED    2
#define CONFIRMED 3
#define CANCELLED 4
#define LAPSED    5

/* The ledger. */
byte state[ORDERS];
byte version[ORDERS];
byte deliveries[ORDERS];
bool answered[ORDERS];        /* its acknowledgement is recorded */
bool sealed[ORDERS];          /* the box of its PIN is durable */
bool lane[ORDERS];            /* it holds the lane */

/* What is true of the world, for the assertions. */
bool on_device[ORDERS];       /* the device has its PIN */
byte left[ORDERS];            /* its commands that left */
bool accepted[ORDERS];        /* the device was told that its acknowledgement is in */
byte polls;                   /* connections so far; the last one is alive */
byte orders;                  /* orders so far */

chan poll = [1] of { byte };        /* the connection */
chan command = [1] of { byte };     /* the action */
chan answer = [2] of { byte };      /* acknowledgements under way: of which action */

#define other(a) (1 - a)
#define open(a)  (state[a] == QUEUED || state[a] == ISSUED)

inline check() {
	assert(!(lane[0] && lane[1]));                                            /* I5 */
	assert((!open(0) || lane[0]) && (!open(1) || lane[1]));                   /* I5 */
	assert((!on_device[0] || sealed[0]) && (!on_device[1] || sealed[1]));     /* I1, I2 */
	assert(left[0] <= deliveries[0] && left[1] <= deliveries[1]);             /* I6 */
	assert((!answered[0] || state[0] == CONFIRMED) && (!answered[1] || state[1] == CONFIRMED)); /* I7 */
	assert((!accepted[0] || answered[0]) && (!accepted[1] || answered[1]))    /* I9 */
}

/* may_die is where a process may end and be started again: it forgets what it was at. */
inline may_die() {
	if
	:: goto serve
	:: skip
	fi
}

/*
 * A process serves one request after the other. Each atomic or d_step is one reading or one commit, and between them anything may happen.
 */
proctype replica() {
	byte a, v, conn, number;

serve:
	atomic { a = 0; v = 0; conn = 0; number = 0 };
end_serve:
	if
	:: orders < ORDERS -> goto order
	:: open(0) -> a = 0; goto withdraw
	:: open(1) -> a = 1; goto withdraw
	:: poll ? conn -> goto deliver
	:: answer ? a -> goto report
	fi;

order:
	/* Look whether the lane is free; who finds it taken joins. Draw a PIN and seal it. */
	if
	:: lane[0] || lane[1] -> goto serve
	:: else
	fi;
	may_die();
	d_step {
		if
#ifdef FAULT_LANE
		:: orders < ORDERS ->
#else
		:: orders < ORDERS && !lane[0] && !lane[1] ->    /* the store's unique index */
#endif
			a = orders; orders++;
			state[a] = QUEUED; version[a] = 1; lane[a] = true;
#ifndef FAULT_ESCROW
			sealed[a] = true                             /* in the same commit */
#endif
		:: else                                          /* lost the race, and begins anew */
		fi
	};
	check();
	goto serve;

withdraw:
	v = version[a];
	may_die();
	d_step {
		if
		:: version[a] == v && open(a) ->
			state[a] = CANCELLED; version[a]++; lane[a] = false;
#ifdef FAULT_FORGET
			sealed[a] = false
#endif
		:: else
		fi
	};
	check();
	goto serve;

deliver:
	/* Read what is live. */
	atomic {
		if
		:: open(0) -> a = 0; v = version[0]; number = deliveries[0] + 1
		:: !open(0) && open(1) -> a = 1; v = version[1]; number = deliveries[1] + 1
		:: else
		fi
	};
	if
	:: number == 0 -> goto serve
	:: else
	fi;
	may_die();
	assert(sealed[a]);                                   /* encode: the box opens */
#ifdef FAULT_SEND
	d_step { left[a]++ };
	check();
#endif
	/* Claim, or end what came back too often without an answer. */
	d_step {
		if
#ifdef FAULT_CLAIM
		:: open(a) ->
#else
		:: version[a] == v ->
#endif
			version[a]++;
			if
			:: number > DELIVERIES -> state[a] = LAPSED; lane[a] = false; number = 0
			:: else ->
				assert(deliveries[a] < number);          /* I6 */
				deliveries[a] = number; state[a] = ISSUED
			fi
		:: else -> number = 0                            /* lost the race; the device comes again */
		fi
	};
	check();
	if
	:: number == 0 -> goto serve
	:: else
	fi;
	may_die();                                           /* the number is taken, and nothing left */
	atomic {
#ifndef FAULT_SEND
		left[a]++;
#endif
		if
		:: conn == polls && empty(command) -> command ! a
		:: conn != polls || full(command) -> skip        /* the device has connected anew: lost */
		fi
	};
	check();
	goto serve;

report:
	v = version[a];
	if
	:: atomic { nfull(answer) -> answer ! a }; goto serve /* dies: the device says it again */
	:: goto serve                                        /* dies, and the answer is lost: the device was wiped, say */
#ifdef FAULT_ANSWER
	:: accepted[a] = true; check(); goto serve           /* accepted before it is durable, and dies */
#endif
	:: skip
	fi;
	d_step {
		if
		:: answered[a] -> accepted[a] = true             /* a repetition is recorded once */
#ifdef FAULT_WINS
		:: !answered[a] && version[a] == v && state[a] == CANCELLED -> version[a]++; answered[a] = true; accepted[a] = true
		:: !answered[a] && version[a] == v && state[a] != CANCELLED ->
#else
		:: !answered[a] && version[a] == v ->
#endif
			state[a] = CONFIRMED; version[a]++; answered[a] = true;
			if
			:: !lane[other(a)] -> lane[a] = true
			:: lane[other(a)] && state[other(a)] == QUEUED -> /* superseded, in the same change */
				state[other(a)] = CANCELLED; version[other(a)]++; lane[other(a)] = false; lane[a] = true
			:: else                                      /* both may be on the device: the lane stays where it is */
			fi;
			accepted[a] = true
		:: else -> number = 1                            /* lost the race */
		fi
	};
	check();
	if
	:: number == 1 -> number = 0; goto report
	:: else -> goto serve
	fi
}

/* The device polls a few times; a new connection ends the one before. It obeys what comes, and answers at once, late, twice or never. */
proctype device() {
	byte a;

end_device:
	do
	:: atomic { polls < POLLS && empty(poll) -> polls++; poll ! polls }
	:: atomic { command ? a -> on_device[a] = true };
		assert(sealed[a]);
		if
		:: answer ! a; a = 0
		:: answer ! a; answer ! a; a = 0
		:: a = 0                                         /* the command, or its answer, is lost */
		fi
	od
}

init {
	atomic {
		run replica();
		run replica();
		run device()
	}
}
