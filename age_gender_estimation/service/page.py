"""The page as Gradio Blocks: upload, examples, result and model card, and the endpoint `/predict`.

Import it with GRADIO_TEMP_DIR set to the folder for uploads.
"""

import os
import pathlib
from typing import Any

import gradio
import gradio.processing_utils

from age_gender_estimation.predict.output import as_dict
from age_gender_estimation.predict.predictor import Predictor
from age_gender_estimation.service.cards import message_html, result_html
from age_gender_estimation.service.photo_result import PhotoResult, predict_upload

CONCURRENCY = 2  # photos predicted at once; TensorFlow already spreads one over the cores
MAX_WAITING = 20  # photos in the queue; more are refused
KEEP_SECONDS = 60  # uploads; longer than a full queue takes
STYLE = pathlib.Path(__file__).with_name("style.css")
TITLE = "Age, gender and race from a photo"
INTRODUCTION = f"""# {TITLE}
A small neural network guesses what people would say of each face. These are **estimates from looks,
often wrong, and not facts about anybody**: for research only, never to decide about people. The
photo stays on the machine that serves this page, and is deleted after about two minutes."""
GONE = "There is no upload; send the photo again."
EMPTY = '<p class="empty">The result appears here.</p>'


FOR_PROGRAMS = """The same predictions as JSON, one record per face, with the fields that
`age-gender predict --format json` writes:

```python
import os

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # else the client reports its start

from gradio_client import Client, handle_file

client = Client("http://127.0.0.1:7860")  # the address of this page
print(client.predict(handle_file("photo.jpg"), api_name="/predict"))
```"""


async def _refuse_download(url):
    raise gradio.Error(
        "expected an uploaded file, got an address; nothing is fetched from elsewhere",
        print_exception=False,
    )


def build_page(predictor: Predictor, card: str, examples: list[str], folder: str) -> gradio.Blocks:
    """Returns the page, with the endpoint `/predict`.

    Args:
      predictor: the model.
      card: the model card, Markdown.
      examples: paths of photos to click, in folders that hold nothing else.
      folder: where Gradio puts uploads, GRADIO_TEMP_DIR.
    """
    # Gradio would download addresses that a client names as its "file".
    gradio.processing_utils.async_ssrf_protected_get = _refuse_download

    example_folders = {os.path.dirname(path) for path in examples}
    readable = [pathlib.Path(path).resolve() for path in (folder, *example_folders)]

    def predict(upload: dict[str, Any]) -> PhotoResult | None:
        # Gradio does not check the paths of clients that leave FileData's `meta` out.
        path = pathlib.Path(upload["path"]).resolve()
        if not (path.is_file() and any(map(path.is_relative_to, readable))):
            return None
        return predict_upload(predictor, path.read_bytes(), upload.get("orig_name") or path.name)

    def show(upload: dict[str, Any] | None) -> str:
        if not upload:
            return EMPTY
        result = predict(upload)
        return result_html(result) if result else message_html(GONE)

    def list_records(upload: dict[str, Any] | None) -> list[dict[str, Any]]:
        result = upload and predict(upload)
        if not result:
            raise gradio.Error(GONE, print_exception=False)
        return [as_dict(record, None) for record in result.records]

    # Shown from where they are, not copied.
    gradio.set_static_paths([*example_folders])
    # Uploads are decoded by our code only: with preprocess=True Gradio would open them with PIL.
    options: dict[str, Any] = {
        "preprocess": False,
        "concurrency_limit": CONCURRENCY,
        "concurrency_id": "model",
    }
    with gradio.Blocks(
        title=TITLE, analytics_enabled=False, delete_cache=(KEEP_SECONDS, KEEP_SECONDS)
    ) as page:
        gradio.Markdown(INTRODUCTION)
        photo, result = _photo_tab(examples)
        with gradio.Tab("Model card"):
            gradio.Markdown(card)
        with gradio.Tab("For programs"):
            gradio.Markdown(FOR_PROGRAMS)
        photo.change(show, photo, result, api_visibility="private", **options)
        records = gradio.JSON(visible=False, label="records")
        gradio.Button(visible=False).click(
            list_records,
            photo,
            records,
            api_name="predict",
            **options,
            api_description="Predictions for the faces of a photo, as JSON records.",
        )
    return page.queue(max_size=MAX_WAITING, api_open=False)  # programs queue too


def _photo_tab(examples):
    """Adds the first tab to the page; returns its components for the photo and the result."""
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
            result = gradio.HTML(EMPTY, elem_id="result")
    return photo, result


def find_card(export: str) -> str:
    """Returns MODEL_CARD.md of an export or the model folder around it, or that there is none."""
    folder = pathlib.Path(export).absolute()
    folders = [folder, folder.parent.parent] if folder.parent.name == "serving" else [folder]
    for path in (folder / "MODEL_CARD.md" for folder in folders):
        if path.is_file():
            return path.read_text(encoding="utf-8", errors="replace")
    return (
        "This model has no card: there is no `MODEL_CARD.md` in its folder. It is therefore not "
        "known here what it was trained on and how often it errs for whom."
    )
