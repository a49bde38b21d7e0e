"""CITATION.cff is what the Citation File Format 1.2.0 asks for, and says what the project says."""

import re
import tomllib

import yaml

from tests.support.paths import ROOT

CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
REQUIRED = {"authors", "cff-version", "message", "title"}
ALLOWED = REQUIRED | {
    *("abstract", "commit", "contact", "date-released", "doi", "identifiers", "keywords"),
    *("license", "license-url", "preferred-citation", "references", "repository"),
    *("repository-artifact", "repository-code", "type", "url", "version"),
}
PERSON = {
    *("address", "affiliation", "alias", "city", "country", "email", "family-names", "fax"),
    *("given-names", "name-particle", "name-suffix", "orcid", "post-code", "region", "tel"),
    "website",
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_it_has_the_keys_of_the_format():
    assert CITATION.keys() >= REQUIRED
    assert CITATION.keys() <= ALLOWED
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["type"] in ("software", "dataset")
    assert all(isinstance(word, str) for word in CITATION["keywords"])
    assert CITATION["authors"] == [{"name": "The mubench authors"}]


def test_it_says_what_the_package_says():
    assert CITATION["title"] == PROJECT["name"]
    assert CITATION["version"] == PROJECT["version"]
    assert CITATION["license"] == PROJECT["license"]


def test_its_reference_is_the_paper_of_ugradsl_with_all_authors():
    (paper,) = CITATION["references"]
    assert paper["type"] == "article"
    assert paper["title"] == "Label Smoothing Improves Machine Unlearning"
    assert all(author.keys() <= PERSON for author in paper["authors"])
    names = [f"{author['given-names']} {author['family-names']}" for author in paper["authors"]]
    assert names == [
        *("Zonglin Di", "Zhaowei Zhu", "Jinghan Jia", "Jiancheng Liu", "Zafar Takhirov"),
        *("Bo Jiang", "Yuanshun Yao", "Sijia Liu", "Yang Liu"),
    ]
    (number,) = re.findall(r"arxiv\.org/abs/(\d{4}\.\d{5})$", paper["url"])
    assert paper["identifiers"][0]["type"] in ("doi", "url", "swh", "other")
    assert paper["identifiers"][0]["value"] == f"arXiv:{number}"
    assert isinstance(paper["year"], int)
    card = (ROOT / "search_spaces" / "methods" / "ugradsl.yaml").read_text(encoding="utf-8")
    assert number in card
