"""Serves a page in the browser that shows predictions for a photo: upload, paste or take one.

    age-gender serve --model-dir var/cnn-model
    age-gender serve --model-dir var/cnn-model --host 0.0.0.0 --port 8080

Only this machine can open the page unless --host says otherwise. Nothing is sent elsewhere, and
uploads are deleted.
"""

import os
import pathlib
import tempfile
import threading

from age_gender_estimation.cli.arguments import PRETRAINED, make_parser


def port_number(text):
    """Argument type: a TCP port."""
    value = int(text)
    if not 0 <= value <= 65535:
        raise ValueError
    return value


def main(argv=None):
    parser = make_parser("age-gender serve", __doc__)
    text = "an export, or a model folder, whose newest export is used"
    parser.add_argument("--model-dir", default=PRETRAINED, help=text)
    text = "address to listen on; 0.0.0.0 serves the whole network"
    parser.add_argument("--host", default="127.0.0.1", help=text)
    text = "port to listen on; 0 takes any free one"
    parser.add_argument("--port", type=port_number, default=7860, help=text)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="age_gender_", ignore_cleanup_errors=True) as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder  # read when Gradio is imported
        serve(args.model_dir, args.host, args.port, folder)


def serve(model_dir, host, port, folder):
    """Serves until Ctrl-C or SIGTERM; uploads go to `folder`."""
    from age_gender_estimation.service.server import check_port, serving

    port = check_port(host, port)  # before the model is loaded

    from age_gender_estimation.predict.predictor import Predictor
    from age_gender_estimation.service.page import build_page, find_card
    from age_gender_estimation.service.photo_result import warm_up

    predictor = Predictor(model_dir)
    warm_up(predictor)
    # Beside the shipped model in a checkout; a wheel has none.
    examples = sorted(map(str, (pathlib.Path(PRETRAINED).parent / "examples").glob("*.jpg")))
    page = build_page(predictor, find_card(predictor.path), examples, folder)
    with serving(page, host, port):
        address = f"[{host}]" if ":" in host else host
        print(f"open http://{address}:{port} in a browser; Ctrl-C ends this", flush=True)
        threading.Event().wait()
