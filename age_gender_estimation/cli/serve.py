"""A page in the browser: upload, paste or take a photo, and see what the model says of the faces in it.

    bin/web.py --model-dir var/cnn-model
    bin/web.py --model-dir var/cnn-model --host 0.0.0.0 --port 8080

Served to this machine only unless --host says otherwise. Nothing is sent elsewhere, and uploads are deleted.
"""

import pathlib

from age_gender_estimation.cli.arguments import PRETRAINED, make_parser

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def port_number(text):
    """Argument type: a TCP port."""
    value = int(text)
    if not 0 <= value <= 65535:
        raise ValueError
    return value


def main(argv=None):
    parser = make_parser("age-gender serve", __doc__)
    parser.add_argument(
        "--model-dir", default=PRETRAINED, help="an export, or a model folder (its newest export)"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 serves the whole network"
    )
    parser.add_argument("--port", type=port_number, default=7860, help="0 takes any free one")
    args = parser.parse_args(argv)

    from age_gender_estimation.service.uploads import upload_folder

    with (
        upload_folder() as folder
    ):  # before Gradio is imported, which makes folders elsewhere otherwise
        from age_gender_estimation.service.server import open_port, serve

        listener = open_port(
            args.host, args.port
        )  # a port in use is said before the model is loaded

        from age_gender_estimation.predict.predictor import Predictor
        from age_gender_estimation.service.answer import warm_up
        from age_gender_estimation.service.page import build_page, find_card

        predictor = Predictor(args.model_dir)
        warm_up(predictor)
        examples = sorted(map(str, (ROOT / "examples").glob("*.jpg")))
        page = build_page(predictor, find_card(predictor.path), examples, folder)
        host = f"[{args.host}]" if ":" in args.host else args.host
        print(
            f"open http://{host}:{listener.getsockname()[1]} in a browser; Ctrl-C ends this",
            flush=True,
        )
        serve(page, listener)
