"""Presidio as shipped, with GiNZA for names, in the environment it is installed in: lines ``{"text"}`` in, spans out.

Knows nothing of Sakimori. Each text goes through all recognisers Presidio ships for English (patterns and context
words), and names by ``ja_ginza``; GiNZA's labels are mapped as its documentation maps them for OntoNotes.
"""

# pyright: basic, reportMissingImports=false
import json
import sys

from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine

_NAMES = {
    "Person": "PERSON",
    "Company": "ORGANIZATION",
    "Corporation_Other": "ORGANIZATION",
    "Organization_Other": "ORGANIZATION",
    "Government": "ORGANIZATION",
    "Political_Party": "ORGANIZATION",
    "Show_Organization": "ORGANIZATION",
    "Pro_Sports_Organization": "ORGANIZATION",
    "Sports_Organization_Other": "ORGANIZATION",
    "International_Organization": "ORGANIZATION",
    "School": "ORGANIZATION",
    "Country": "LOCATION",
    "Province": "LOCATION",
    "City": "LOCATION",
    "GPE_Other": "LOCATION",
    "Station": "LOCATION",
    "Facility_Other": "LOCATION",
    "GOE_Other": "LOCATION",
    "Date": "DATE_TIME",
}


def main() -> None:
    labels = NerModelConfiguration(model_to_presidio_entity_mapping=_NAMES, labels_to_ignore=[])
    nlp = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": "ja_ginza"}], ner_model_configuration=labels)
    nlp.load()
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=nlp)
    analyser = AnalyzerEngine(nlp_engine=nlp, registry=registry, supported_languages=["en"])
    for line in sys.stdin:
        found = analyser.analyze(json.loads(line)["text"], language="en")
        print(json.dumps([[result.start, result.end, result.entity_type] for result in found]))


if __name__ == "__main__":
    main()
