"""Paths in a request body, in the words of its format; names that an application made up become indices."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

MAX_PATH_CHARS = 256
"""Characters of a path; anything deeper has the path of what contains it."""
MAX_NAME_CHARS = 64
"""Characters of a name given by the application, if paths contain such names at all."""


class Names(Enum):
    """Who defines the names of an object's members."""

    WIRE = "wire"
    """A wire format."""
    SCHEMA = "schema"
    """JSON Schema."""
    SCHEMAS = "schemas"
    """The application; the members are schemas."""
    VALUES = "values"
    """The application, which also defines all names inside the members."""


# Sources: JSON Schema, core and validation, 2020-12 and draft 7; openai 3.52.0, `types/` (checked 2026-11-25).
_OTHER_NAMES: Mapping[str, Names] = {
    **dict.fromkeys(("parameters", "schema", "input_schema", "output_schema"), Names.SCHEMA),
    **dict.fromkeys(
        ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"),
        Names.SCHEMAS,
    ),
    **dict.fromkeys(
        (
            "$vocabulary", "arguments", "attributes", "const", "default", "dependentRequired", "enum", "env", "example",
            "examples", "extra_body", "extra_headers", "headers", "labels", "logit_bias", "mapping", "metadata", "tags",
            "variables", "vars",
        ),
        Names.VALUES,
    ),
}  # fmt: skip
"""Members inside which the names are of a different kind than outside."""

_SCHEMA_WORDS = """
    $anchor $comment $dynamicAnchor $dynamicRef $id $ref $schema additionalItems additionalProperties allOf
    anyOf contains contentEncoding contentMediaType contentSchema deprecated description discriminator else
    exclusiveMaximum exclusiveMinimum format if items maxContains maxItems maxLength maxProperties maximum
    minContains minItems minLength minProperties minimum multipleOf not nullable oneOf pattern prefixItems
    propertyName propertyNames readOnly required strict then title type unevaluatedItems unevaluatedProperties
    uniqueItems writeOnly
"""
_WIRE_WORDS = """
    acknowledged_safety_checks action allowed_callers allowed_domains allowed_tools annotations
    approval_request_id approve audio authorization background button cache_control call_id city code commands
    connector_id container container_id content country created_by data defer_loading definition detail diff
    display_height display_width duration encrypted_content end_index environment error expires_at file
    file_data file_id file_ids file_search file_url filename files filters function function_call functions
    grammar id image_url index input input_audio input_fidelity input_image_mask instructions json_schema key
    keys max_num_results max_output_length memory_limit messages mode model moderation name network_policy
    operation output output_compression output_format outputs partial_images parts path pending_safety_checks
    phase prompt prompt_cache_breakpoint quality queries query ranker ranking_options read_only reason
    reasoning reasoning_content reasoning_details refusal region require_approval response_format result
    results role safety_identifier score score_threshold scroll_x scroll_y search_context_size
    server_description server_label server_url signature size skills source sources start_index status summary
    syntax text thinking timeout_ms timezone tool_call_id tool_calls tool_choice tool_names tools transcript
    ttl url user_location vector_store_ids version working_directory x y
"""
_WORDS_OF_SCHEMAS = frozenset([*_SCHEMA_WORDS.split(), *_OTHER_NAMES])
_WORDS = _WORDS_OF_SCHEMAS.union(_WIRE_WORDS.split())
_NO_WORDS = frozenset[str]()


def member_step(path: str, names: Names, key: object, index: int, *, keeps_names: bool) -> tuple[str, Names]:
    """The path of a member of an object, and who defines the names inside the member.

    Args:
        path: The path of the object.
        names: Who defines its names.
        key: The name of the member.
        index: How many members are before it.
        keeps_names: The application allows its names in paths.
    """
    words = _WORDS if names is Names.WIRE else _WORDS_OF_SCHEMAS if names is Names.SCHEMA else _NO_WORDS
    if isinstance(key, str) and key in words:
        return _longer(path, f".{key}"), _OTHER_NAMES.get(key, names)
    inner = Names.SCHEMA if names is Names.SCHEMAS else Names.VALUES
    return _longer(path, f".{_shown(key)}" if keeps_names else f"[{index}]"), inner


def item_path(path: str, index: int) -> str:
    """The path of an item of an array; names mean the same in it as they do in the array."""
    return _longer(path, f"[{index}]")


def _longer(path: str, step: str) -> str:
    return path + step if len(path) + len(step) <= MAX_PATH_CHARS else path


def _shown(key: object) -> str:
    name = key if isinstance(key, str) else type(key).__name__
    shown = name[:MAX_NAME_CHARS].encode("utf-8", "replace").decode("utf-8")
    return shown if len(name) <= MAX_NAME_CHARS else f"{shown}…"
