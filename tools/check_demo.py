"""Fails unless an evaluation shows that the short training of the demo learned something.

python -m tools.check_demo --evaluation var/demo/model/evaluation/evaluation.json
"""

import json

from age_gender_estimation.cli.arguments import make_parser
from age_gender_estimation.cli.run import run
from age_gender_estimation.errors import InputError

MAX_MAE_OF_CONSTANT = 0.7
MIN_GENDER_ACCURACY = 0.8


def main(argv: list[str] | None = None) -> None:
    parser = make_parser("tools.check_demo", __doc__)
    text = "the file evaluation.json that evaluate wrote"
    parser.add_argument("--evaluation", required=True, help=text)
    args = parser.parse_args(argv)
    with open(args.evaluation, encoding="utf-8") as file:
        report = json.load(file)
    mae, constant = report["age"]["mae"]["value"], report["age"]["best_constant_mae"]
    accuracy = report["gender"]["accuracy"]["value"]
    print(
        f"age MAE {mae:.2f} years, {mae / constant:.2f} of the best constant's {constant:.2f}; "
        f"gender {accuracy:.1%}"
    )
    if mae >= MAX_MAE_OF_CONSTANT * constant or accuracy <= MIN_GENDER_ACCURACY:
        raise InputError(
            f"expected a MAE under {MAX_MAE_OF_CONSTANT} of the constant's and a gender accuracy "
            f"over {MIN_GENDER_ACCURACY:.0%}: the training learned too little"
        )


if __name__ == "__main__":
    run(main)
