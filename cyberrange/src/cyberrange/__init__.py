"""A closed-loop, seeded, deterministic simulated bank to measure cyber-defence against.

In: a seed, steps of simulated time, and a defence's commands (isolate a host, disable an account) over HTTP. Out:
telemetry as a bank's collectors would write it (Sysmon, Security, System, helpdesk tickets, as NDJSON) and, for the
umpire only, the truth. Nothing here attacks anything: hosts, packets and passwords exist only as objects in memory.

Times are integers: milliseconds since the Unix epoch, UTC.
"""
