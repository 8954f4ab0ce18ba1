"""The program `difusor`, and `python -m difusor`."""

from difusor import process


def main() -> None:
    """Run the verb of the command line."""
    with process.prepared():
        from difusor.cli import main as run

        run()


if __name__ == "__main__":
    main()
