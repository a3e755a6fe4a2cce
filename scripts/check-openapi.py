#!/usr/bin/python3
"""Holds recorded answers of a real gateway against the schemas of docs/openapi.yaml.

usage: check-openapi.py OPENAPI DIRECTORY

DIRECTORY holds <Schema>.ndjson files, one JSON answer a line, as the contract tests write them. Exit 1 where an answer
does not fit its schema, where a schema that must have answers has none, or where a reference leads nowhere.
"""

import json
import pathlib
import sys

import jsonschema
import yaml

# What the contract tests meet in any case: without one of these the recording, not the gateway, is broken.
MUST_BE_RECORDED = ["Batch", "Subscribed", "Unsubscribed", "ErrorMessage", "Page", "Problem", "Ready", "TopicPage"]
FAULTS_SHOWN = 20
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def references(node):
    """All $ref in a document."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(document, reference):
    node = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def document_faults(document):
    """Faults of the document itself."""
    if not str(document.get("openapi", "")).startswith("3.1."):
        yield "openapi: must be 3.1"
    for reference in references(document):
        try:
            resolve(document, reference)
        except (KeyError, TypeError):
            yield f"{reference}: leads nowhere"
    for name, schema in document["components"]["schemas"].items():
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            yield f"schema {name}: {error.message}"
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS and not operation.get("responses"):
                yield f"{method} {path}: no responses"


def close(document):
    """Forbids members that a schema does not name: a client must ignore them, but we must document what we send."""
    for schema in document["components"]["schemas"].values():
        if schema.get("type") == "object":
            schema["unevaluatedProperties"] = False


def answer_faults(document, name, lines):
    """Faults of the recorded answers of one schema."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    validator = jsonschema.Draft202012Validator(schema)
    for number, line in enumerate(lines, 1):
        try:
            answer = json.loads(line)
        except ValueError as error:
            yield f"{name}.ndjson:{number}: no JSON: {error}"
            continue
        for error in validator.iter_errors(answer):
            where = "/".join(str(part) for part in error.absolute_path)
            yield f"{name}.ndjson:{number}: /{where}: {error.message[:300]}"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    document = yaml.safe_load(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    faults = list(document_faults(document))
    close(document)
    recorded = {path.stem: path for path in pathlib.Path(sys.argv[2]).glob("*.ndjson")}
    faults += [f"{name}: no answer was recorded" for name in MUST_BE_RECORDED if name not in recorded]
    answers = 0
    for name, path in sorted(recorded.items()):
        if name not in document["components"]["schemas"]:
            faults.append(f"{path.name}: no such schema")
            continue
        lines = path.read_bytes().split(b"\n")[:-1]
        answers += len(lines)
        faults += answer_faults(document, name, lines)
    for fault in faults[:FAULTS_SHOWN]:
        print(fault, file=sys.stderr)
    if faults:
        sys.exit(f"{len(faults)} fault(s) in {answers} answers")
    print(f"{answers} answers fit their schemas")


if __name__ == "__main__":
    main()
