"""`python -m hubdump` is `hubdump`."""

from hubdump.cli import main

if __name__ == "__main__":
    main()
