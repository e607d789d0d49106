"""What schemathesis 4.32 needs to test the api: NDJSON, which it does not know, and a tuple, which it turns into an invalid schema.

    SCHEMATHESIS_HOOKS=hooks PYTHONPATH=test/openapi st run http://localhost:5000/openapi.json --max-examples 2000 \\
      --exclude-checks positive_data_acceptance --continue-on-failure

A text that is blank, or has no tokens, is refused although it is a string: hence the excluded check.
A line that is invalid is answered in-band, with status 200, so the check negative_data_rejection says nothing about NDJSON.
"""

import json

import schemathesis

TYPES = ("application/x-ndjson", "application/jsonl")


@schemathesis.serializer(*TYPES)
def write_lines(_, value):
    return (json.dumps(value) + "\n").encode("utf-8", "replace")


@schemathesis.deserializer(*TYPES)
def read_line(_, response):
    return json.loads(response.content)


@schemathesis.hook
def before_load_schema(_, document):
    answer = document["paths"]["/predict"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    answer["items"] = {"anyOf": answer.pop("prefixItems")}


@schemathesis.hook
def filter_case(_, case):
    return case.media_type not in TYPES or not isinstance(case.body, list)
