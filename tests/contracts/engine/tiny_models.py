"""An embedding model and a reranker with random weights, real enough to be loaded as any other.

usage: python -m tests.contracts.engine.tiny_models FOLDER     makes FOLDER/encoder, FOLDER/reranker, FOLDER/classifier

In a process of its own: it brings torch with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

WORDS = 200
CONTEXT = 64
CLASSES = 3
HEAD = 16


def make(folder: Path) -> None:
    """Make them in another process."""
    subprocess.run(
        [sys.executable, "-m", __name__, str(folder)],
        check=True,
        cwd=Path(__file__).resolve().parents[3],
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )


def save(
    folder: Path, *, classes: int | None, layers: int = 2, hidden: int = 32, context: int = CONTEXT
) -> None:
    """A BERT of this shape with its tokenizer: an encoder, or with `classes` a classifier of texts. Brings torch."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        BertModel,
        PreTrainedTokenizerFast,
    )

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = special + ["tent", "green", "heavy", "open"] + [f"w{number}" for number in range(WORDS)]
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", words.index("[CLS]")), ("[SEP]", words.index("[SEP]"))],
    )
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // HEAD,
        intermediate_size=4 * hidden,
        max_position_embeddings=context,
        # so wide that small models tell texts apart; in large ones it would be noise
        initializer_range=0.5 if hidden < 100 else 0.02,
        num_labels=classes or 1,
    )
    torch.manual_seed(20)
    model = BertForSequenceClassification(config) if classes else BertModel(config)
    model.save_pretrained(folder)
    names = dict(
        zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True)
    )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=context, **names).save_pretrained(
        folder
    )


if __name__ == "__main__":
    for name, classes in (("encoder", None), ("reranker", 1), ("classifier", CLASSES)):
        save(Path(sys.argv[1]) / name, classes=classes)
