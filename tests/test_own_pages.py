"""Pages for a person's own data and studies, followed to the letter: YAML, commands."""

import re
from pathlib import Path

import pytest
import yaml

from tests.support.command_line import only_line
from tests.support.own_files import folder_of_images
from tests.support.table_files import people, write_csv

pytestmark = pytest.mark.usefixtures("plain_environment", "cache_dir")
DOCS = Path(__file__).parents[1] / "docs"


def page(name):
    """The sweep of a page, its name, and the commands that the page gives."""
    text = (DOCS / f"{name}.md").read_text()
    sweep = re.search(r"```yaml\n(name: .*?)```", text, re.DOTALL)[1]
    commands = re.findall(r"^    mubench (.*?)(?:\s+#.*)?$", text, re.MULTILINE)
    return sweep, [command.split() for command in commands]


def follow(mubench_, commands, *changes):
    out = ""
    for command in commands:
        more = changes if command[0] in ("plan", "run") else ()
        code, said, err = mubench_(*command, *more)
        assert code == 0, err
        out += said
    return out


QUICK = (
    *("--set", "training.epochs=2", "--set", "methods={ft: {epochs: 1}}"),
    *("--set", "search={trials: 1, keep: 1}", "--set", "floor=0"),
)


@pytest.mark.slow
def test_my_image_folder(tmp_path, mubench_):
    folder_of_images(tmp_path / "pets", dict.fromkeys(("cat", "dog", "cow", "owl"), 24))
    sweep, commands = page("own-images")
    assert len(sweep.splitlines()) <= 15
    (tmp_path / "pets.yaml").write_text(sweep)
    assert [command[0] for command in commands] == ["data", "plan", "run"]
    out = follow(mubench_, commands, *QUICK)
    assert "data:    pets: train: 96 examples, 24 to 24 a class" in out
    assert (tmp_path / "reports" / "data" / "pets.html").is_file()
    assert "Data: pets" in (tmp_path / "reports" / "pets" / "main.md").read_text()


@pytest.mark.slow
def test_my_csv_of_texts(tmp_path, mubench_):
    pytest.importorskip("tokenizers")
    sweep, commands = page("own-texts")
    assert len(sweep.splitlines()) <= 15
    (tmp_path / "reviews.yaml").write_text(sweep)
    authors = ("ada", "bob", "cy", "dee")
    lines = [
        f'"review, number {i} of {authors[i % 4]}",{1 + i % 5},{authors[i % 4]}' for i in range(120)
    ]
    (tmp_path / "reviews.csv").write_text("\n".join(["text,stars,author", *lines]))
    out = follow(mubench_, commands, *QUICK)
    assert re.search(r"^ *0 +1 +\d+ +\d+ +\d+", out, re.MULTILINE)  # number 0 is called 1
    assert (tmp_path / "reports" / "reviews" / "index.html").is_file()
    code, _, err = mubench_(
        *("plan", "reviews.yaml", "--set"),
        "grid.forget=[{scenario: class, search_classes: ['5'], final_classes: [1]}]",
    )
    assert code == 2
    assert "class 1 is number 1, which is called '2', or the one called '1'" in only_line(err)


@pytest.mark.slow
def test_my_table(tmp_path, mubench_):
    sweep, commands = page("own-tables")
    assert len(sweep.splitlines()) <= 15
    (tmp_path / "people.yaml").write_text(sweep)
    write_csv(tmp_path / "people.csv", people())
    out = follow(mubench_, commands, *QUICK)
    assert "found        3 numeric columns: age, hours, gain" in out
    assert "found        2 categorical columns (categories in D_tr): job (4), se" in out
    report = (tmp_path / "reports" / "people" / "index.html").read_text()
    assert re.search(r"age \d+, job (clerk|nurse|farmer|teacher), hours (\d+|missing), sex", report)
    for model in ("mlp", "ft_transformer"):
        for scenario in ("random-0.1", "group"):
            assert f"people/{model}/{scenario}" in report


def test_my_data_set_of_the_hub(tmp_path, mubench_):
    datasets = pytest.importorskip("datasets")
    folder_of_images(tmp_path / "pets", {"cat": 10, "dog": 10})
    whole = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "pets"))
    whole.save_to_disk(str(tmp_path / "saved" / "pets"))
    text = (DOCS / "own-hub.md").read_text()
    entries = re.findall(r"```yaml\ndataset: (.*?)\n```", text)
    hub, saved = (yaml.safe_load(entry) for entry in entries)
    assert set(hub) == {"hub", "revision", "text", "label"}
    sweep = yaml.safe_load(page("own-images")[0])
    sweep["grid"] |= {"dataset": saved, "forget": {"scenario": "random", "ratio": 0.1}}
    (tmp_path / "saved.yaml").write_text(yaml.safe_dump(sweep))
    code, out, err = mubench_("data", "check", "saved.yaml")
    assert code == 0, err
    assert "found        train: 20 examples, 10 to 10 a class" in out
    assert "classes      2: cat, dog" in out


@pytest.mark.slow
def test_evidence(tmp_path, mubench_):
    """A smaller sweep than the page's, with all of its attackers."""
    sweep, commands = page("evidence")
    (tmp_path / "attacks.yaml").write_text(sweep)
    assert [command[0] for command in commands] == ["plan", "run", "score", "score", "data"]
    data = "[{name: digits, flip_labels: 0.1, train_size: 300}]"
    fewer = ("seeds.final.forget=[0]", "floor=1", f"grid.dataset={data}")
    follow(mubench_, commands[:2], *QUICK, *(word for one in fewer for word in ("--set", one)))
    shown = (tmp_path / "reports" / "attacks" / "index.html").read_text()
    assert "which rows survive what" in shown
    said = follow(mubench_, commands[2:])
    assert "u_lira_auc: 96 records" in said
    assert len(list((tmp_path / "sets").iterdir())) == 2
