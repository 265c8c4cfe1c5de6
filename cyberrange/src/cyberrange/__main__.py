"""``python -m cyberrange run`` and ``python -m cyberrange serve``."""

import argparse
import json
import sys
from pathlib import Path

from cyberrange.bank import BankError
from cyberrange.clock import rfc3339
from cyberrange.server import serve
from cyberrange.simulation import Simulation
from cyberrange.telemetry import TelemetryError

_STEP_S = 600


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="cyberrange", description="A simulated bank under attack.")
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="let a day pass without defence; write telemetry and truth.json")
    serving = commands.add_parser("serve", help="serve the bank on loopback: a defence acts, an umpire moves the clock")
    for command in (running, serving):
        command.add_argument("--seed", type=int, required=True, help="the same seed gives the same day")
        command.add_argument("--out", type=Path, required=True, help="folder for telemetry, tokens and truth")
        command.add_argument("--hosts", type=int, default=50, help="how many hosts the bank has (default 50)")
        command.add_argument("--quiet", action="store_true", help="the same day without an attack")
    running.add_argument("--hours", type=float, default=10.0, help="stop after so much simulated time (default 10)")
    serving.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1 (default: any free one)")
    serving.add_argument("--until-eof", action="store_true", help="stop when standard input ends: with one's parent")
    options = parser.parse_args(arguments)
    try:
        simulation = Simulation(options.out / "telemetry", seed=options.seed, hosts=options.hosts, quiet=options.quiet)
    except (BankError, TelemetryError, OSError) as error:
        print(f"cyberrange: {error}", file=sys.stderr)
        return 3
    try:
        if options.command == "serve":
            return serve(simulation, options.out, options.port, until_eof=options.until_eof)
        return _run(simulation, options.out, round(options.hours * 3600))
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        print(f"cyberrange: {error}", file=sys.stderr)
        return 4
    finally:
        simulation.close()


def _run(simulation: Simulation, out: Path, seconds: int) -> int:
    while seconds > 0 and not simulation.done:
        simulation.advance(min(_STEP_S, seconds))
        seconds -= _STEP_S
    truth = simulation.what_really_happened()
    (out / "truth.json").write_text(json.dumps(truth, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    lost = sum(machine.state == "encrypted" for machine in simulation.estate.machines.values())
    summary = {
        "time": rfc3339(simulation.now),
        "events": truth["events"],
        "outcome": truth["outcome"],
        "hosts_lost": lost,
    }
    print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
