"""``python -m druid_operator`` is the ``druid-operator`` command."""

import sys

from druid_operator.cmd.manager.main import main

if __name__ == "__main__":
    sys.exit(main())
