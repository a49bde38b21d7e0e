"""`mubench check`: clauses that hold, that are broken, and files that cannot be read."""

import pytest

pytestmark = pytest.mark.usefixtures("plain_environment")


def test_a_clause_that_is_broken_is_told_with_its_reason_and_the_exit_code_is_1(
    my_method, mubench_
):
    file, _ = my_method
    text = file.read_text()
    file.write_text(text.replace("+ self.forget_weight * q_y", "+ len(task.validation)"))
    code, out, _ = mubench_("check", file)
    assert code == 1
    lines = out.splitlines()
    assert (
        "✗ reads_only_declared_needs: the method reads 'validation' but does not declare it in "
        "`needs`; add it there and to the card, or do not use it"
    ) in lines
    line = 1 + text[: text.index("self.forget_weight * q_y")].count("\n")
    assert any(
        x.startswith("✗ completes_on_toy_data: UndeclaredError: ") and x.endswith(f"(line {line})")
        for x in lines
    )
    assert "- parameters_change: the method fails in its first run" in lines
    assert sum(x.startswith("✗") for x in lines) == 2
    assert ", 2 failed, " in lines[-1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda file, card: card.unlink(),
            "my_method.yaml: the card of a plug-in lies beside it; ",
        ),
        (lambda file, card: file.unlink(), "my_method.py: no such plug-in; No such file"),
        (
            lambda file, card: file.write_text("import nowhere_at_all\n"),
            "my_method: its file cannot be imported: ModuleNotFoundError: No module named 'nowhere",
        ),
        (
            lambda file, card: file.write_text("class:\n"),
            "my_method: its file cannot be imported: SyntaxError: invalid syntax (my_method.py, ",
        ),
        (
            lambda file, card: file.write_text("x = 1\n"),
            "mubench_plugin_my_method: exactly one public Method is needed in a file; found none",
        ),
        (
            lambda file, card: card.write_text(card.read_text() + "quik: {}\n"),
            "my_method.yaml:21:1: quik: unknown key; did you mean 'quick'?",
        ),
        (
            lambda file, card: card.write_text(card.read_text().replace("stochastic: true\n", "")),
            "my_method.yaml: stochastic: missing",
        ),
        (
            lambda file, card: card.write_text(
                card.read_text().replace("momentum: {default: 0.9}", "momentum: 0.9")
            ),
            "my_method.yaml:15:3: params.momentum: a mapping is needed; got 0.9",
        ),
        (
            lambda file, card: card.write_text("kind: metrics\n" + card.read_text()),
            "my_method.py: its card says `kind: metrics`; only methods are checked",
        ),
    ],
    ids=range(9),
)
def test_a_method_that_cannot_be_read_is_one_line_and_exit_code_2(
    my_method, mubench_, change, message
):
    change(*my_method)
    code, out, err = mubench_("check", my_method[0])
    assert (code, out) == (2, "")
    assert err.startswith(f"mubench: {message}")
    assert err.count("\n") == 1


def test_a_method_of_the_package_is_checked_by_its_name(mubench_):
    code, out, _ = mubench_("check", "ga")
    assert (code, out.splitlines()[-1].split(":")[0]) == (0, "ga")
    assert "! norm_statistics_see_more_than_forget: BatchNorm's running statistics moved" in out
    assert out.endswith(", 1 noted\n")
    code, _, err = mubench_("check", "gaa")
    assert (code, err) == (2, "mubench: methods.gaa: unknown method 'gaa'; did you mean 'ga'?\n")
