"""Whose jobs run on the simulated cluster: pre-training, fine-tuning, evaluation, notebooks."""

from __future__ import annotations

from .state import Recipe

USR1_AND_TERM = ("TERM", "USR1")

VICTIM = Recipe("moe-8x22b-pretrain", "mchen", "foundation", "high", "moe", USR1_AND_TERM, 1800.0, step_seconds=9.5)
PRETRAIN = Recipe(
    "llm-70b-pretrain", "srivera", "foundation", "high", "train", USR1_AND_TERM, 2700.0, step_seconds=11.2
)
STRAGGLING = Recipe("sft-code-34b", "akowalski", "posttrain", "normal", "train", USR1_AND_TERM, 900.0, step_seconds=3.1)
HUNG = Recipe("rlhf-ppo-34b", "tnguyen", "posttrain", "normal", "train", USR1_AND_TERM, 1200.0, step_seconds=14.0)
NEXT_VICTIM = Recipe("vit-giant-384", "lfischer", "vision", "normal", "train", USR1_AND_TERM, 900.0, step_seconds=1.4)

TRAINING: tuple[Recipe, ...] = (
    Recipe("llm-13b-ablate-rope", "dokafor", "foundation", "normal", "train", USR1_AND_TERM, 1800.0),
    Recipe("sft-chat-70b", "akowalski", "posttrain", "normal", "train", USR1_AND_TERM, 1200.0),
    Recipe("dpo-sweep-34b", "tnguyen", "posttrain", "normal", "train", USR1_AND_TERM, 1200.0),
    Recipe("video-dit-3b", "lfischer", "vision", "normal", "moe", (), 1800.0),
    Recipe("speech-tts-large", "yamada", "speech", "normal", "train", (), None, requeueable=False),
    Recipe("protein-fold-v4", "bhaddad", "science", "low", "train", USR1_AND_TERM, 1800.0),
)
BATCH: tuple[Recipe, ...] = (
    Recipe("tokenize-cc-2026-30", "data-bot", "data", "low", "light"),
    Recipe("embed-docs-v2", "jpark", "search", "normal", "serve"),
    Recipe("distill-7b", "dokafor", "foundation", "normal", "train", USR1_AND_TERM, 300.0, step_seconds=0.8),
    Recipe("rerank-train", "jpark", "search", "normal", "train", USR1_AND_TERM, 300.0, step_seconds=0.5),
    Recipe("captions-relabel", "lfischer", "vision", "low", "serve"),
    Recipe("md-sim-lysozyme", "bhaddad", "science", "low", "light", requeueable=False),
)
EVALUATION = Recipe("eval-harness-70b", "eval-bot", "foundation", "normal", "serve")
NOTEBOOKS: tuple[Recipe, ...] = (
    Recipe("jupyter", "yamada", "speech", "interactive", "light", requeueable=False),
    Recipe("bash", "mchen", "foundation", "interactive", "light", requeueable=False),
    Recipe("debug-nccl", "tnguyen", "posttrain", "interactive", "light", requeueable=False),
    Recipe("jupyter", "bhaddad", "science", "interactive", "light", requeueable=False),
)
