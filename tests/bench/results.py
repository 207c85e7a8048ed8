"""Makes RESULTS.md of what the benchmark measured: a folder of tables, each a
line a sample (side, wall seconds, processor seconds, KiB, exit code) or a line
a figure (name, value). The folder is the argument."""

import statistics
import sys
from pathlib import Path

DATA = Path(sys.argv[1])

# What people read in the tables for what the scripts call it.
NAMES = {
    "plan": "`mailprov plan`",
    "apply": "`mailprov apply --yes`",
    "apply --no-check": "`mailprov apply --yes --no-check`",
    "plan of an edited mail.yml": "`mailprov plan` of a new text",
    "bare": "the bare C program",
    "by-hand": "a shell script by hand",
    "sha256sum": "`sha256sum` of the files",
    "apt-get": "`apt-get install` alone",
    "version": "`mailprov --version`",
}


class Samples:
    """What a side took, over all its turns."""

    def __init__(self, rows):
        self.wall = [float(row[1]) for row in rows]
        self.cpu = [float(row[2]) for row in rows]
        self.memory = max(int(row[3]) for row in rows) * 1024


def rows(table):
    path = DATA / f"{table}.tsv"
    if not path.exists():
        return []
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def samples(table):
    """Returns the samples of a table by side, in the order of their first turn."""
    sides = {}
    for row in rows(table):
        sides.setdefault(row[0], []).append(row)
    return {side: Samples(rows) for side, rows in sides.items()}


def figures(table):
    return {row[0]: row[1] for row in rows(table)}


def median(values):
    return statistics.median(values)


def time(seconds):
    """Says a time with three digits that count."""
    for factor, unit in [(1, "s"), (1e3, "ms")]:
        value = seconds * factor
        if value >= 0.9995 or unit == "ms":
            return f"{value:.{0 if value >= 99.95 else 1 if value >= 9.995 else 2}f} {unit}"


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def spread(values):
    return f"{time(median(values))} ({time(min(values))}–{time(max(values))})"


def megabytes(size):
    return f"{size / 2**20:.1f} MiB"


def name(side):
    return NAMES.get(side, f"`{side}`")


def print_table(head, lines):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" + "---:|" * (len(head) - 1))
    for line in lines:
        print("| " + " | ".join(line) + " |")
    print()


def compare(table, bases, versions=()):
    """Prints a table of sides, with how many times more they take than `bases`."""
    sides = samples(table)
    if not sides:
        return
    head = ["", "turns", "CPU time", "wall time", "memory of the largest process"]
    head += [f"CPU, {label} = 1" for _, label in bases]
    lines = []
    for side, it in sorted(sides.items(), key=lambda pair: median(pair[1].cpu)):
        version = f" {versions[side]}" if side in versions else ""
        line = [name(side) + version, str(len(it.wall)), spread(it.cpu), spread(it.wall)]
        line.append(megabytes(it.memory))
        for base, _ in bases:
            line.append(number(median(it.cpu) / median(sides[base].cpu)))
        lines.append(line)
    print_table(head, lines)


def when(part):
    """Says of which run a part is."""
    it = figures(f"part-{part}")
    if it:
        print(f"Measured {it['date']}, commit {it['commit']}; load average at the end {it['load']}.\n")


# Why these are no smaller, the text below the targets says.
PROGRAM = 12 * 2**20
CROWD = 72 * 2**20


class Targets:
    """What is to be reached, and what was."""

    def __init__(self):
        self.lines = []

    def add(self, what, value, limit, show, most=True):
        holds = value <= limit if most else value >= limit
        word = "at most" if most else "at least"
        self.lines.append([what, show(value), f"{word} {show(limit)}", "yes" if holds else "**no**"])

    def ratio(self, what, value, limit, most=True):
        self.add(what, value, limit, lambda it: f"{number(it)} ×", most)


def no_op_targets(targets):
    sides = samples("no-op")
    if not sides:
        return
    for kind in ["cpu", "wall"]:
        word = {"cpu": "CPU time", "wall": "wall time"}[kind]
        for ours in ["plan", "apply"]:
            own = median(getattr(sides[ours], kind))

            def against(other):
                return median(getattr(sides[other], kind)) / own

            label = f"no-op `{ours}`, {word}"
            targets.ratio(f"{label}: times the C program's", 1 / against("bare"), 3)
            for peer, limit in [
                ("ansible-playbook", 300),
                ("pyinfra", 50),
                ("cf-agent", 15),
                ("rash", 3),
                ("by-hand", 1),
            ]:
                what = f"{label}: {name(peer)} takes times as much"
                targets.ratio(what, against(peer), limit, most=False)
    memory = max(sides["plan"].memory, sides["apply"].memory)
    targets.add("no-op: peak memory", memory, 16 * 2**20, megabytes)
    asked = figures("strace")
    for ours in ["plan", "apply"]:
        for what in ["programs started", "files opened for writing, made, moved or removed"]:
            targets.add(f"no-op `{ours}`: {what}", int(asked[f"{ours}: {what}"]), 0, str)
    start = samples("start")["version"]
    targets.add("start-up (`--version`), wall time", median(start.wall), 0.005, time)
    size = int(figures("machine")["bytes"])
    targets.add("size of the program", size, PROGRAM, megabytes)


def other_targets(targets):
    services = samples("services")
    for kind, word in [("cpu", "CPU time"), ("wall", "wall time")]:
        for ours in ["plan", "apply"] if services else []:
            ratio = median(getattr(services[ours], kind)) / median(getattr(services["bare"], kind))
            targets.ratio(f"no-op `{ours}` with all services, {word}: times the C program's", ratio, 3)
    drift = samples("drift")
    if drift:
        ansible = median(drift["ansible-playbook"].wall)
        for side, done in {
            "apply --no-check": "plan, apply, reload, health check",
            "apply": "and then a look at all ports, certificates and logins",
        }.items():
            if side in drift:
                what = f"a changed line, {done}, wall time: Ansible takes times as much"
                targets.ratio(what, ansible / median(drift[side].wall), 30, most=False)
    fresh = samples("fresh")
    if fresh:
        over = median(fresh["apply"].wall) - median(fresh["apt-get"].wall)
        targets.add("a fresh host: wall time over that of apt-get", over, 2, lambda it: f"{it:.2f} s")
    many = samples("many")
    if many:
        for kind, word in [("cpu", "CPU time"), ("wall", "wall time")]:
            ratio = median(getattr(many["plan"], kind)) / median(getattr(many["sha256sum"], kind))
            targets.ratio(f"10,000 accounts: no-op plan, {word}: times `sha256sum`'s", ratio, 3)
        more = samples("one-more")["apply"]
        memory = max(many["plan"].memory, many["apply"].memory, more.memory)
        memory = max(memory, many["plan of an edited mail.yml"].memory)
        targets.add("10,000 accounts: peak memory, also of adding one", memory, CROWD, megabytes)
        facts = figures("one-more-facts")
        stayed = facts["services restarted or reloaded"] == "none"
        targets.lines.append(
            ["10,000 accounts, one more: services restarted or reloaded",
             facts["services restarted or reloaded"], "none", "yes" if stayed else "**no**"])
    huge = samples("huge")
    if huge and many:
        for side in ["plan", "plan of an edited mail.yml"]:
            ratio = median(huge[side].cpu) / median(many[side].cpu)
            what = f"100,000 accounts: {name(side)}, CPU time: times that of 10,000"
            targets.ratio(what, ratio, 12)
    ssh = figures("ssh-facts")
    if ssh:
        targets.add("bootstrap of a converged host: connections", int(ssh["connections that sshd took"]), 1, str)
        targets.add("bootstrap of a converged host: round trips beyond ssh's own", round_trips(), 3,
                    lambda it: f"{it:.1f}")


def round_trips():
    """What `bootstrap` waits for a long wire more than `ssh HOST true` does, in
    rounds of that wire."""
    ssh = samples("ssh")
    trip = int(figures("ssh-facts")["round trip in ms"])

    def waiting(side):
        far, near = ssh[f"{side}, {trip // 2} ms"], ssh[f"{side}, 0 ms"]
        return median(far.wall) - median(near.wall)

    return (waiting("bootstrap") - waiting("true")) * 1000 / trip


def main():
    machine = figures("machine")
    print("# What it takes\n")
    print("Written by `tests/bench/run`; not to be edited.\n")
    print(f"* {machine['processor']}, {machine['memory']}, Linux {machine['kernel']},")
    print(f"  rustc {machine['rustc']}")
    print("* Debian 13 in a box of `systemd-nspawn`, with Postfix and Dovecot running\n")
    print("CPU time is that of the process and all it started, user and system; what systemd")
    print("or apt's helpers do meanwhile in processes of their own is nobody's. Medians, with")
    print("the least and the most in brackets. The sides take turns, so that what else the")
    print("machine does meets all of them; times are to be compared within a table only.\n")

    targets = Targets()
    no_op_targets(targets)
    other_targets(targets)
    print("## Targets\n")
    print_table(["", "measured", "target", "holds"], targets.lines)
    print("The program is as large as it is because nothing else need be installed for it: TLS,")
    print("DNS with DNSSEC, DKIM keys and an ACME client are in it. The memory for 10,000 accounts")
    print("is mail.yml and, of each table that changes, the text that is there and the one to come.\n")

    if samples("no-op"):
        print("## Nothing to do, three accounts\n")
        when("no-op")
        print("All sides look at the same packages, group, user, folders, files with owner, group")
        print("and mode, tables and two services. Each of the peers has shown before")
        print("that it mends a changed file, a wrong owner or mode and a stopped service, and")
        print("changes nothing where nothing is to be done. The C program and `sha256sum` can")
        print("mend nothing: they are the measure.\n")
        compare("no-op", [("plan", "plan"), ("bare", "C")], machine)
        compare("start", [])
        print("Asked of the kernel, by `strace`:\n")
        print_table(["", ""], [list(pair) for pair in figures("strace").items()])
    if samples("services"):
        print("## Nothing to do, with every service that runs unasked\n")
        when("services")
        print("DKIM, spam filter, bans, send limit and SRS as well. The C program looks at all that")
        print("the plan of a bare host names; the peers do none of this.\n")
        compare("services", [("plan", "plan"), ("bare", "C")], machine)
        print_table(["", ""], [list(pair) for pair in figures("services-facts").items()])
    if samples("drift"):
        print("## One changed line in main.cf\n")
        when("drift")
        print("From the command to its end: what differs, the file put back, Postfix reloaded, and")
        print("what the side does to see that it is well. mailprov waits until Postfix answers on its")
        print("ports; without `--no-check` it then calls all ports, Dovecot's too, by IPv4 and IPv6,")
        print("compares the certificates, and logs in by SMTP and IMAP. Ansible does none of that.\n")
        compare("drift", [("apply", "apply")], machine)
    if samples("fresh"):
        print("## A fresh host\n")
        when("fresh")
        print("Each turn on a fresh box, with the packages in apt's cache.\n")
        compare("fresh", [("apt-get", "apt-get")])
    if samples("many"):
        print("## 10,000 accounts with 20,000 aliases\n")
        when("many")
        print("The plan of a new text is that of a `mail.yml` that says the same and was never")
        print("applied: parsed, rendered and compared whole.\n")
        compare("many", [("plan", "plan"), ("sha256sum", "sha256sum")], machine)
        print("One account more:\n")
        compare("one-more", [])
        print_table(["", ""], [list(pair) for pair in figures("one-more-facts").items()])
        shown = (DATA / "one-more.txt").read_text(encoding="utf-8").rstrip()
        print(f"```\n{shown}\n```\n")
    if samples("huge"):
        print("## 100,000 accounts with 200,000 aliases\n")
        compare("huge", [("plan", "plan"), ("sha256sum", "sha256sum")])
        print("The first apply, from 10,001 accounts:\n")
        compare("huge-first", [])
    if samples("ssh"):
        print("## Bootstrap over SSH of a host that is as it should be\n")
        when("ssh")
        print("Over a wire that delays each direction by this much; `true` is `ssh HOST true`.\n")
        compare("ssh", [])
        print_table(["", ""], [list(pair) for pair in figures("ssh-facts").items()])
    print("## How to repeat it\n")
    print("```sh\ntests/bench/run\n```\n")
    print("by root on a Debian machine with a Rust toolchain and the network: ten minutes,")
    print("the first time half an hour, since the peers are installed then;")
    print("`tests/bench/run PART...` for single parts (no-op, services, drift, fresh, many, ssh).")
    print("The inner parts (parse, render, compare, diff): `cargo bench`.")


main()
