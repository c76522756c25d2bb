"""What is in the package, as CycloneDX 1.5: read from what lies there, not from what was asked for."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from importlib.metadata import distributions
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import Distribution
    from pathlib import Path

_LOCKED = re.compile(r"^(\S+)==(\S+) (.*)$", re.MULTILINE)
_LIBRARY = re.compile(r"(lib)?(?P<name>.+?)(-[0-9a-f]{8})?\.so[.0-9]*$")


def write(path: Path, site: Path, model: Path, lock: Path) -> None:
    """site: the folder of the packages. model: that of the default model. lock: where the wheels' hashes stand."""
    hashes = {name: re.findall(r"sha256:(\w+)", rest) for name, _, rest in _LOCKED.findall(lock.read_text())}
    found = sorted(distributions(path=[str(site)]), key=lambda d: d.metadata["Name"].lower())
    parts = {d.metadata["Name"].lower(): _package(d, hashes) for d in found}
    own = parts.pop("vedette")
    own["type"] = "application"
    body = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": own},
        "components": [*parts.values(), _model(model)],
        "dependencies": [{"ref": own["bom-ref"], "dependsOn": [part["bom-ref"] for part in parts.values()]}],
    }
    # The same content has the same number.
    content = json.dumps(body, sort_keys=True)
    body["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, content)}"
    path.write_text(json.dumps(body, indent=1) + "\n")


def _package(distribution: Distribution, hashes: dict[str, list[str]]) -> dict[str, Any]:
    about = distribution.metadata
    name = re.sub(r"[-_.]+", "-", about["Name"]).lower()
    reference = f"pkg:pypi/{name}@{distribution.version}"
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": reference,
        "name": name,
        "version": distribution.version,
        "purl": reference,
    }
    if licence := _licence(distribution):
        component["licenses"] = [licence]
    # Of a wheel for each machine, one is here.
    component["properties"] = [{"name": "vedette:wheel-sha256", "value": digest} for digest in hashes.get(name, [])]
    libraries = [file for file in distribution.files or [] if ".libs" in file.parts[0] and ".so" in file.name]
    if libraries:
        component["components"] = [_library(file, reference) for file in sorted(libraries)]
    return component


def _library(file: Any, reference: str) -> dict[str, Any]:
    """One of those that a wheel brings along, such as FFmpeg's."""
    match = _LIBRARY.match(file.name)
    digest = hashlib.sha256(file.locate().read_bytes()).hexdigest()
    return {
        "type": "library",
        "bom-ref": f"{reference}#{file}",
        "name": match["name"] if match else file.name,
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "properties": [{"name": "vedette:file", "value": str(file)}],
    }


def _licence(distribution: Distribution) -> dict[str, Any] | None:
    about = distribution.metadata
    if "License-Expression" in about:
        return {"expression": about["License-Expression"]}
    named = [line.rpartition("::")[2].strip() for line in about.get_all("Classifier", []) if line.startswith("Lic")]
    stated = about.get_all("License", [])
    text = "; ".join(named) or (stated[0].strip().partition("\n")[0] if stated else "")
    return {"license": {"name": text}} if text else None


def _model(folder: Path) -> dict[str, Any]:
    from backends.models import catalog

    entry = catalog.model(folder.name)
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{folder.name}",
        "name": folder.name,
        "description": entry.description,
        "licenses": [{"license": {"id": entry.licence}}],
        "hashes": [{"alg": "SHA-256", "content": entry.sha256}],
        "properties": [{"name": "vedette:source", "value": entry.source}],
        "components": [
            {
                "type": "file",
                "bom-ref": f"model:{folder.name}/{file.name}",
                "name": file.name,
                "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(file.read_bytes()).hexdigest()}],
            }
            for file in sorted(folder.iterdir())
        ],
    }
