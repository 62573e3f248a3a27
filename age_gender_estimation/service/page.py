"""The page: upload, examples, answer and model card, and the endpoint for programs. In: a Predictor. Out: Gradio Blocks."""

import os
import pathlib

import gradio
import gradio.processing_utils

from age_gender_estimation.errors import InputError
from age_gender_estimation.predict.output import as_dict
from age_gender_estimation.predict.photos import FaceRecord
from age_gender_estimation.service.answer import answer_photo
from age_gender_estimation.service.cards import answer_html, message_html
from age_gender_estimation.service.uploads import read_upload

CONCURRENCY = 2  # photos answered at once; TensorFlow spreads one over the cores already
MAX_WAITING = 20  # photos in the queue; more are told to come again
STYLE = pathlib.Path(__file__).with_name("style.css")
TITLE = "Age, gender and race from a photo"
INTRODUCTION = f"""# {TITLE}
A small neural network guesses what people would say of each face. These are **estimates from looks, often wrong, and not
facts about anybody**: for research only, never to decide about people. The picture stays on the machine that serves this
page, and is deleted within about a minute."""
EMPTY = '<p class="empty">The answer appears here.</p>'


FOR_PROGRAMS = """The same answer as JSON, one record per face, with the fields that `bin/predict.py --format json` writes:

```python
import os

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # the client would tell its makers that it was started

from gradio_client import Client, handle_file

client = Client("http://127.0.0.1:7860")  # the address of this page
print(client.predict(handle_file("photo.jpg"), api_name="/predict"))
```"""


async def _refuse_download(url):
    raise gradio.Error(
        "expected an uploaded file, got an address; nothing is fetched from elsewhere",
        print_exception=False,
    )


def build_page(predictor, card, examples, folder):
    """Returns the page as gradio.Blocks, with the endpoint `/predict`.

    Args:
      predictor: serving.predictor.Predictor.
      card: the model card, Markdown.
      examples: paths of photos to click, in one folder of their own.
      folder: where uploads lie.
    """
    # Gradio would fetch addresses that a client names as its "file".
    gradio.processing_utils.async_ssrf_protected_get = _refuse_download
    folders = [folder, *{os.path.dirname(path) for path in examples}]

    def show(upload):
        if not upload:
            return EMPTY
        try:
            return answer_html(answer_photo(predictor, *read_upload(upload, folders)))
        except InputError as error:
            return message_html(str(error))

    def predict(photo):
        try:
            records = answer_photo(predictor, *read_upload(photo, folders)).records
        except InputError as error:
            records = [FaceRecord((photo or {}).get("orig_name") or "", error=str(error))]
        return [as_dict(record, None) for record in records]

    gradio.set_static_paths(folders[1:])  # shown from where they are, not copied
    # Uploads are decoded by our code only: with preprocess=True Gradio would open them with PIL first.
    options = {"preprocess": False, "concurrency_limit": CONCURRENCY, "concurrency_id": "model"}
    with gradio.Blocks(title=TITLE, analytics_enabled=False) as page:
        gradio.Markdown(INTRODUCTION)
        with gradio.Tab("Photo"), gradio.Row():
            with gradio.Column(scale=2, min_width=260):
                photo = gradio.Image(
                    type="filepath",
                    label="Photo",
                    sources=["upload", "clipboard", "webcam"],
                    buttons=[],
                    height=290,
                    elem_id="photo",
                    placeholder="# Drop a photo here\nor click to choose one",
                )
                if examples:
                    gradio.Examples(
                        examples,
                        photo,
                        label="Examples",
                        cache_examples=False,
                        api_visibility="private",
                    )
            with gradio.Column(scale=6, min_width=300):
                answer = gradio.HTML(EMPTY, elem_id="answer")
        with gradio.Tab("Model card"):
            gradio.Markdown(card)
        with gradio.Tab("For programs"):
            gradio.Markdown(FOR_PROGRAMS)
        photo.change(show, photo, answer, api_visibility="private", **options)
        records = gradio.JSON(visible=False, label="records")
        gradio.Button(visible=False).click(
            predict,
            photo,
            records,
            api_name="predict",
            **options,
            api_description="The faces of a photo, as the records that bin/predict.py --format json writes.",
        )
    return page.queue(max_size=MAX_WAITING, api_open=False)  # programs queue like everybody


def find_card(export):
    """Returns the text of MODEL_CARD.md in an export or in the model folder around it, or a sentence that there is none."""
    export = pathlib.Path(export).absolute()
    for folder in [export, *([export.parent.parent] if export.parent.name == "serving" else [])]:
        path = folder / "MODEL_CARD.md"
        if path.is_file():
            return path.read_text(encoding="utf-8", errors="replace")
    return (
        "This model has no card: there is no `MODEL_CARD.md` in its folder. What it was trained on, and how often it "
        "errs for whom, is therefore not known here."
    )
