"""A video or camera -> one record per face and frame, and a copy with the answers drawn into every frame."""

import contextlib

from age_gender_estimation.faces.video_frames import UnreadableVideo, Video
from age_gender_estimation.predict.drawing import DrawnVideo, draw_faces
from age_gender_estimation.predict.photos import FaceRecord, answered, extract_faces


def predict_video(
    predictor,
    source,
    is_whole=False,
    every=1,
    min_confidence=0.0,
    drawn=None,
    is_live=False,
    progress=iter,
    should_stop=lambda: False,
):
    """Yields a FaceRecord per face of each frame that is answered, with `frame`; memory holds one frame.

    A frame without a face gives one record with `error`, as a photo does; so does, without a `frame`, a video that
    cannot be opened or ends too early, after what could be answered, or has no whole copy.

    Args:
      predictor: serving.predictor.Predictor.
      source: a path, or the number of a camera.
      is_whole: whether frames are face crops already and no face is searched in them.
      every: answers each `every`th frame, from the first.
      min_confidence: classes of a lower probability are unknown.
      drawn: path of an MP4 with boxes and labels in all frames, those of the last answered frame; None for no such file.
      is_live: whether time passes by itself, see drawing.DrawnVideo.
      progress: wraps the faces.video.Video whose frames are read, as tqdm does.
      should_stop: asked before each frame; once it says yes, that was the last one, and the copy is finished.
    """
    name, records = str(source), []
    try:
        video = Video(source)
    except UnreadableVideo as error:
        yield FaceRecord(name, error=f"cannot be read: {error}")
        return
    with (
        contextlib.closing(iter(progress(video))) as frames,
        DrawnVideo(drawn, video.fps, is_live) if drawn else contextlib.nullcontext() as copy,
    ):
        for number, frame in enumerate(frames):
            if number % every == 0:
                records = _answers(predictor, frame, number, name, is_whole, min_confidence)
                yield from records
            if copy:
                copy.write(draw_faces(frame, records))
            if should_stop():
                break
    if video.problem:
        yield FaceRecord(name, error=f"cannot be read: {video.problem}")
    if copy and copy.problem:
        yield FaceRecord(name, error=f"the drawn copy is missing: {copy.problem}")


def _answers(predictor, frame, number, name, is_whole, min_confidence):
    records, crops = zip(*extract_faces(frame, name, predictor, is_whole))
    for record in records:
        record.frame = number
    return answered(predictor, records, crops, min_confidence)
