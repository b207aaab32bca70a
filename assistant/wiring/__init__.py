"""Settings -> running parts. The only place that builds adapters; one module a room."""

from assistant.wiring.answering import (
    answer,
    answerer,
    calibration_in_force,
    calibration_state,
    embedder_of_version,
    language_model,
    model_checks,
    past,
    recall_after,
)
from assistant.wiring.escalating import issue_drafter, tracker, tracker_checks
from assistant.wiring.knowledge import clean, cross_encoder, embedder, live_index, second_look, sources
from assistant.wiring.place import home, index_root, secret_key, store, utc_now
from assistant.wiring.running import Assistant, assistant, make_labels

__all__ = [
    "Assistant",
    "answer",
    "answerer",
    "assistant",
    "calibration_in_force",
    "calibration_state",
    "clean",
    "cross_encoder",
    "embedder",
    "embedder_of_version",
    "home",
    "index_root",
    "issue_drafter",
    "language_model",
    "live_index",
    "make_labels",
    "model_checks",
    "past",
    "recall_after",
    "second_look",
    "secret_key",
    "sources",
    "store",
    "tracker",
    "tracker_checks",
    "utc_now",
]
