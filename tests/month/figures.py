#!/usr/bin/env python3
"""figures.py TRUTH.jsonl REPORT.json: every figure of a report computed apart, from the records as they were made.

Plain and slow on purpose: sums of binomials by hand, no library, nothing shared with the program. Prints each figure
that differs and ends with 1; with none it prints how many were compared.
"""
import json
import math
import sys
from datetime import datetime, timedelta, timezone

Z = 1.959963984540054
compared = 0
wrong = []


def same(name, got, want, tolerance=1e-6):
    global compared
    compared += 1
    if want is None or got is None or isinstance(want, (str, bool)):
        fine = got == want
    else:
        fine = abs(got - want) <= tolerance * max(1.0, abs(want))
    if not fine:
        wrong.append(f"{name}: the report says {got!r}, computed apart {want!r}")


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def local(at, zone):
    if zone == "Asia/Shanghai":
        return at.astimezone(timezone(timedelta(hours=8)))
    if zone == "America/New_York":  # the clock went back on 1 November 2026, 2:00 EDT
        back = datetime(2026, 11, 1, 6, tzinfo=timezone.utc)
        return at.astimezone(timezone(timedelta(hours=-4 if at < back else -5)))
    assert zone == "UTC", zone
    return at.astimezone(timezone.utc)


def log_choose(n, k):
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def binomial_cdf(k, n, p):
    if k < 0:
        return 0.0
    if p <= 0:
        return 1.0
    if p >= 1:
        return 1.0 if k >= n else 0.0
    return math.fsum(
        math.exp(log_choose(n, i) + i * math.log(p) + (n - i) * math.log1p(-p)) for i in range(0, min(k, n) + 1)
    )


def binomial_cdfs(n, p):
    """P(X <= k) for k = 0 … n."""
    sums, total = [], 0.0
    for i in range(n + 1):
        total += math.exp(log_choose(n, i) + i * math.log(p) + (n - i) * math.log1p(-p))
        sums.append(total)
    return sums


def wilson(k, n):
    if n == 0:
        return None, None
    p = k / n
    centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def lower_exact(k, n):
    if k == 0:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(60):
        p = (low + high) / 2
        if 1 - binomial_cdf(k - 1, n, p) < 0.05:
            low = p
        else:
            high = p
    return low


def upper_exact(k, n):
    return 1 - lower_exact(n - k, n)


def share(name, got, k, n):
    low, high = wilson(k, n)
    same(f"{name}.hits", got["hits"], k)
    same(f"{name}.calls", got["calls"], n)
    same(f"{name}.share", got["share"], k / n if n else None)
    same(f"{name}.low", got["low"], low)
    same(f"{name}.high", got["high"], high)


def quantiles(name, got, values):
    values = sorted(values)
    n = len(values)
    same(f"{name}.n", got["n"], n)
    if n == 0:
        same(f"{name}.quantiles", len(got["quantiles"]), 0)
        return
    same(f"{name}.min", got["min"], values[0])
    same(f"{name}.max", got["max"], values[-1])
    for one in got["quantiles"]:
        q = one["q"]
        rank = next(r for r in range(1, n + 1) if r >= q * n - 1e-9)
        same(f"{name}.p{q}", one["value"], values[rank - 1])
        below = binomial_cdfs(n, q)
        low = [r for r in range(1, n + 1) if below[r - 1] <= 0.025]
        high = [r for r in range(1, n + 1) if 1 - below[r - 1] <= 0.025]
        same(f"{name}.p{q}.low", one["low"], values[low[-1] - 1] if low else None)
        same(f"{name}.p{q}.high", one["high"], values[high[0] - 1] if high else None)


def kaplan_meier(waits):
    """[(time, share served, low, high)]; waits are ('served'|'gave_up'|'never', seconds)."""
    steps, left, greenwood, before = [], 1.0, 0.0, 1.0
    for t in sorted({s for kind, s in waits if kind == "served"}):
        at_risk = sum(1 for kind, s in waits if kind == "never" or s >= t)
        served = sum(1 for kind, s in waits if kind == "served" and s == t)
        left *= 1 - served / at_risk
        if served < at_risk:
            greenwood += served / (at_risk * (at_risk - served))
        if left > 1e-15:
            width = Z * math.sqrt(greenwood) / abs(math.log(left))
            low, high = left ** math.exp(width), left ** math.exp(-width)
            before = high
        else:
            low, high = 0.0, before
        steps.append((t, 1 - left, 1 - high, 1 - low))
    return steps


def within(waits, steps, s):
    longest = max([t for kind, t in waits if kind != "never"], default=None)
    if not waits or (any(kind == "gave_up" for kind, _ in waits) and (longest is None or s > longest)):
        return None
    known = [step for step in steps if step[0] <= s]
    return known[-1][1:] if known else (0.0, 0.0, 0.0)


def survival(name, got, waits):
    steps = kaplan_meier(waits)
    for kind in ("served", "gave_up", "never"):
        same(f"{name}.{kind}", got[kind], sum(1 for k, _ in waits if k == kind))
    reach = lambda q, column: next((step[0] for step in steps if step[column] >= q - 1e-12), None)
    for one in got["quantiles"]:
        q = one["q"]
        same(f"{name}.p{q}", one["value_s"], reach(q, 1))
        same(f"{name}.p{q}.low", one["low_s"], reach(q, 3))
        same(f"{name}.p{q}.high", one["high_s"], reach(q, 2))
    if len(steps) <= 240:
        same(f"{name}.steps", len(got["curve"]), len(steps))
        for mine, theirs in zip(steps, got["curve"]):
            for column, key in enumerate(("at_s", "served", "low", "high")):
                same(f"{name}.curve[{mine[0]}].{key}", theirs[key], mine[column])


def classify(calls):
    """Sets 'use' on each call."""
    opinions = {}
    for call in calls:
        of = call["plan"].get("of")
        if call["plan"]["cause"] == "confirmation":
            opinions[of] = call
    for call in calls:
        record, cause = call["record"], call["plan"]["cause"]
        verdict = record["verdict"]
        if cause == "control":
            call["use"] = "control"
            continue
        if cause not in ("cron", "every", "poisson"):
            call["use"] = "extra"
            continue
        counted, one = call["counted"], call
        while counted is None and one["plan"]["id"] in opinions:
            one = opinions[one["plan"]["id"]]
            counted = one["counted"]
        final = counted or verdict
        call["unconfirmed"] = verdict == "fail" and final == "pass"
        if final == "pass":
            call["use"] = "success"
        elif final == "fail" and record["attributable_to"] == "hotline":
            call["use"] = "failure"
        elif final == "fail" and record["attributable_to"] in ("carrier", "unknown", "none"):
            call["use"] = "not_attributable"
        else:
            call["use"] = "inconclusive"


def queue_seconds(call):
    """From the last key, or from where the queue began to speak behind it."""
    record = call["record"]
    human = record["times"]["human_s"]
    if human is None:
        return None
    begins = [key["at_s"] for key in record["keys"] if key["at_s"] < human][-1:]
    if call.get("queue_from_s") is not None:
        begins.append(call["queue_from_s"])
    return human - max(begins) if begins else None


def answer_wait(record):
    times = record["times"]
    if times["connect_s"] is not None:
        return "served", times["connect_s"]
    if record["outcome"] == "no_answer":
        return "gave_up", times["duration_s"]
    return "never", math.inf


def person_wait(record):
    times = record["times"]
    if times["human_s"] is not None:
        return "served", times["human_s"]
    if record["sip"]["ended_by"] == "us" or record["outcome"] == "no_answer":
        return "gave_up", times["duration_s"]
    return "never", math.inf


def section(name, got, calls, not_made, seeking, zones, objective, norms):
    own = [call for call in calls if call["use"] != "control"]
    same(f"{name}.made", got["due"]["made"], len(own))
    same(f"{name}.not_made", got["due"]["not_made"], sum(not_made.values()))
    same(f"{name}.planned", got["due"]["planned"], len(own) + sum(not_made.values()))
    same(f"{name}.reasons", json.dumps(got["due"]["reasons"], sort_keys=True), json.dumps(not_made, sort_keys=True))
    judged = [call for call in own if call["use"] in ("success", "failure")]
    records = [call["record"] for call in judged]
    n = len(judged)
    good = sum(1 for call in judged if call["use"] == "success")
    share(f"{name}.availability", got["availability"], good, n)
    share(f"{name}.answered", got["answered"], sum(1 for r in records if r["times"]["connect_s"] is not None), n)
    quick = sum(1 for r in records if (r["times"]["connect_s"] or math.inf) <= 15)
    share(f"{name}.answered_quickly", got["answered_quickly"], quick, n)
    opened = sum(1 for call in own if call["use"] in ("not_attributable", "inconclusive"))
    same(f"{name}.worst", got["availability_at_worst"], good / (n + opened) if n + opened else None)
    same(f"{name}.best", got["availability_at_best"], (good + opened) / (n + opened) if n + opened else None)
    same(f"{name}.unconfirmed", got["unconfirmed"], sum(1 for call in judged if call["unconfirmed"]))
    for claim in got["claims"]:
        at_least = claim["at_least"]
        says = "cannot_tell"
        if lower_exact(good, n) >= at_least:
            says = "shown"
        elif upper_exact(good, n) < at_least:
            says = "refuted"
        same(f"{name}.claim {at_least}", claim["says"], says)
        needed = claim["calls_needed"]
        same(f"{name}.claim {at_least} needed", binomial_cdf(n - good, needed, 1 - at_least) <= 0.05 + 1e-9, True)
        same(f"{name}.claim {at_least} fewest", binomial_cdf(n - good, needed - 1, 1 - at_least) > 0.05 - 1e-9, True)
    days = {}
    for call in judged:
        day = local(call["due"], zones[call["plan"]["hotline"]]).day
        k, m = days.get((call["plan"]["hotline"], day), (0, 0))
        days[(call["plan"]["hotline"], day)] = (k + (call["use"] == "success"), m + 1)
    clustered = got["availability_clustered"]
    if len(days) > 1 and 0 < good < n:
        p, m = good / n, len(days)
        squares = sum((k - p * calls) ** 2 for k, calls in days.values())
        effect = max(1.0, m / (m - 1) * squares / (n * p * (1 - p)))
        low, high = wilson(p * n / effect, n / effect)
        same(f"{name}.design_effect", clustered["design_effect"], effect)
        same(f"{name}.clustered.low", clustered["low"], low)
        same(f"{name}.clustered.high", clustered["high"], high)
    else:
        same(f"{name}.clustered", clustered, None)
    quantiles(f"{name}.connect", got["connect"], [r["times"]["connect_s"] for r in records if r["times"]["connect_s"] is not None])
    quantiles(f"{name}.first_prompt", got["first_prompt"], [r["times"]["first_prompt_s"] for r in records if r["times"]["first_prompt_s"] is not None])
    quantiles(f"{name}.mos", got["mos"], [r["media"]["mos_lq"] for r in records if r["media"] and r["media"]["mos_lq"] is not None])
    answers = [answer_wait(r) for r in records]
    survival(f"{name}.answer", got["answer"], answers)
    sought = [call for call in judged if (call["plan"]["hotline"], call["plan"]["probe"]) in seeking]
    persons = [person_wait(call["record"]) for call in sought]
    if sought:
        person = got["person"]
        share(f"{name}.person", person["reached"], sum(1 for kind, _ in persons if kind == "served"), len(sought))
        survival(f"{name}.person", person["waits"], persons)
        quantiles(f"{name}.queue", person["queue"], [q for q in map(queue_seconds, sought) if q is not None])
        found = within(persons, kaplan_meier(persons), 60)
        same(f"{name}.person 60 s", person["within_60_s"] and person["within_60_s"]["share"], found and found[0])
    else:
        same(f"{name}.person", got["person"], None)
    for theirs, norm in zip(got["norms"], norms):
        limit = norm["within_s"]
        waits = answers if norm["measure"] == "answer" else persons
        values = {
            "answer": [r["times"]["connect_s"] for r in records],
            "person": [call["record"]["times"]["human_s"] for call in sought],
            "person_after_choice": [queue_seconds(call) for call in sought],
        }[norm["measure"]]
        hits, served = sum(1 for v in values if v is not None and v <= limit), sum(1 for v in values if v is not None)
        share(f"{name}.{norm['name']}.answered", theirs["of_answered"], hits, served)
        early = norm["measure"] != "person_after_choice" and any(kind == "gave_up" and s < limit for kind, s in waits)
        if early:
            found = within(waits, kaplan_meier(waits), limit)
        else:
            found = (hits / len(values), *wilson(hits, len(values))) if values else None
        offered = theirs["of_offered"]
        same(f"{name}.{norm['name']}", offered and offered["share"], found and found[0])
        same(f"{name}.{norm['name']}.low", offered and offered["low"], found and found[1])
        beside = "cannot_tell"
        if found and found[1] >= norm["share"]:
            beside = "above"
        elif found and found[2] < norm["share"]:
            beside = "below"
        same(f"{name}.{norm['name']}.beside", theirs["beside"], beside)
    budget = got["budget"]
    same(f"{name}.budget.allowed", budget["allowed"], (1 - objective) * n)
    same(f"{name}.budget.spent", budget["spent"], (1 - good / n) / (1 - objective) if n else None)
    rows = {}
    for call in own:
        r = call["record"]
        key = (r["verdict"], r["outcome"], r["layer"], r["attributable_to"])
        rows[key] = rows.get(key, 0) + 1
    theirs = {(r["verdict"], r["outcome"], r["layer"], r["attributable_to"]): r["calls"] for r in got["outcomes"]}
    same(f"{name}.outcomes", sorted(map(str, theirs.items())) == sorted(map(str, rows.items())), True)
    heat = [[[0, 0, 0] for _ in range(24)] for _ in range(7)]
    by_day = {}
    for call in own:
        at = local(call["due"], zones[call["plan"]["hotline"]])
        day = by_day.setdefault(at.day, [0, 0, 0, 0])
        cell = heat[at.weekday()][at.hour]
        used = call["use"]
        day[0] += 1
        for counts, offset in ((day, 1), (cell, 0)):
            counts[offset] += used in ("success", "failure")
            counts[offset + 1] += used == "failure"
            counts[offset + 2] += used == "inconclusive"
    theirs = [[[c["judged"], c["failed"], c["inconclusive"]] for c in row] for row in got["heat"]]
    same(f"{name}.heat", theirs == heat, True)
    for day in got["days"]:
        want = by_day.get(day["day"], [0, 0, 0, 0])
        same(f"{name}.day {day['day']}", [day["made"], day["judged"], day["failed"], day["inconclusive"]] == want, True)
    announced = [call for call in own if call.get("announced_s") is not None]
    same(f"{name}.announced", got["announced"]["told"], len(announced))
    longer = known = 0
    for call in announced:
        r = call["record"]
        waited = queue_seconds(call)
        if waited is not None:
            known, longer = known + 1, longer + (waited > call["announced_s"])
        elif r["times"]["human_s"] is None and r["times"]["duration_s"] - r["times"]["connect_s"] > call["announced_s"]:
            known, longer = known + 1, longer + 1
    if known:
        share(f"{name}.announced.longer", got["announced"]["longer"], longer, known)
    return judged, records


def outages(calls):
    found, current = [], None
    for call in calls:
        if call["use"] == "failure":
            current = current or []
            current.append(call["record"]["id"])
        elif call["use"] == "success" and current:
            found.append(current)
            current = None
    return found + ([current] if current else [])


def score(name, got, mine, judged, records):
    heard = [r for r in records if r["times"]["connect_s"] is not None]
    dead = [r for r in heard if any(f.get("dead_end") for f in r["findings"])]
    grade = lambda figure, whole, half: None if figure is None else 1.0 if figure >= whole else 0.5 if figure >= half else 0.0
    available = mine["availability"]["share"]
    person = mine["person"] and mine["person"]["within_60_s"] and mine["person"]["within_60_s"]["share"]
    stale = [s for s in got["menu"]["stale"] if s["score"] >= 60]
    now = [s for s in stale if not s["gone"]]
    points = [
        grade(available, 0.99, 0.95),
        grade(mine["answered_quickly"]["share"], 0.95, 0.80),
        grade(person, 0.80, 0.50),
        None if not heard else 0.0 if now else 0.5 if stale else 1.0,
        grade(1 - len(dead) / len(heard) if heard else None, 1.0, 0.98),
    ]
    for question, want in zip(got["score"]["answers"], points):
        same(f"{name}.points {question['question']}", question["points"], want)
    asked = [p for p in points if p is not None]
    mark = None
    if len(judged) >= 20 and asked:
        mark = 5 * sum(asked) / len(asked)
        if available is not None and available < 0.8 and mark > 2:
            mark = 2.0
        mark = math.floor(mark * 10 + 0.5) / 10
    same(f"{name}.score", got["score"]["mark"], mark)


def stale_and_dead(name, got, calls):
    """The truth knows each quote and each kind."""
    quotes, kinds = {}, {}
    for call in calls:
        if call["use"] in ("control", "inconclusive"):
            continue
        for finding in call["record"]["findings"]:
            if finding["kind"] == "stale_prompt":
                at = quotes.setdefault((call["plan"]["probe"], finding["quote"]), [])
                at.append((call["due"], finding["expired_on"]))
            elif finding.get("dead_end"):
                kinds.setdefault(finding["dead_end"], set()).add(call["record"]["id"])
    theirs = sorted((s["quote"], s["calls"], s["age_days"]) for s in got["menu"]["stale"])
    mine = sorted(
        (quote, len(at), (at[-1][0].astimezone(timezone.utc).date() - datetime.fromisoformat(at[-1][1]).date()).days)
        for (_, quote), at in quotes.items()
    )
    same(f"{name}.stale", theirs == mine, True)
    theirs = {found["kind"]: found["calls"] for found in got["menu"]["dead_ends"]}
    same(f"{name}.dead_ends", theirs == {kind: len(ids) for kind, ids in kinds.items()}, True)


def main():
    truth = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
    report = json.load(open(sys.argv[2], encoding="utf-8"))
    settings = truth[0]
    zones, year, month = settings["zones"], *map(int, settings["month"].split("-"))
    in_month = lambda at, hotline: (local(at, zones[hotline]).year, local(at, zones[hotline]).month) == (year, month)
    calls, not_made = [], {}
    for line in truth[1:]:
        due = moment(line["plan"]["due"])
        if not in_month(due, line["plan"]["hotline"]):
            continue
        if "why" in line:
            reasons = not_made.setdefault(line["plan"]["hotline"], {})
            reasons[line["why"]] = reasons.get(line["why"], 0) + 1
        else:
            calls.append({**line, "due": due, "unconfirmed": False})
    calls.sort(key=lambda call: (call["due"], call["plan"]["id"]))
    classify(calls)
    seeking = {(c["plan"]["hotline"], c["plan"]["probe"]) for c in calls
               if c["record"]["times"]["human_s"] is not None or c["record"]["outcome"] == "queue_timeout"}
    same("month", report["month"], settings["month"])
    same("hotlines", len(report["hotlines"]), len({c["plan"]["hotline"] for c in calls} | set(not_made)))
    for got in report["hotlines"]:
        name = got["name"]
        own = [call for call in calls if call["plan"]["hotline"] == name]
        judged, records = section(name, got["section"], own, not_made.get(name, {}), seeking, zones,
                                  settings["objective"], settings["norms"])
        score(name, got, got["section"], judged, records)
        stale_and_dead(name, got, own)
        same(f"{name}.outages", [o["calls"] for o in got["outages"]] == outages(own), True)
    total = {}
    for reasons in not_made.values():
        for why, count in reasons.items():
            total[why] = total.get(why, 0) + count
    section("all", report["all"], calls, total, seeking, zones, settings["objective"], settings["norms"])
    own = [call for call in calls if call["use"] != "control"]
    lost = sum(1 for call in own if call["record"]["verdict"] == "inconclusive")
    share("health.inconclusive", report["health"]["inconclusive"], lost, len(own))
    late = [(moment(c["record"]["started"]) - c["due"]) / timedelta(milliseconds=1) // 1 / 1000 for c in own]
    quantiles("health.lateness", report["health"]["lateness"], late)
    for line in wrong[:40]:
        print(line)
    print(f"{compared} figures compared, {len(wrong)} differ")
    sys.exit(1 if wrong or compared < 1000 else 0)


main()
