"""One measurement in its own process; prints JSON.

python -m bench.side bench.module:function '{"argument": 1}'
"""

import importlib
import json
import sys


def main():
    module, _, name = sys.argv[1].partition(":")
    result = getattr(importlib.import_module(module), name)(**json.loads(sys.argv[2]))
    print(f"\n{json.dumps(result)}")


if __name__ == "__main__":
    main()
