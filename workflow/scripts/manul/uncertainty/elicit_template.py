"""The form that experts fill in: a workbook with a page on how to answer and a row for a number."""

from collections.abc import Iterable

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.datavalidation import DataValidation

from manul.grid import plain_files
from manul.grid.atomic import atomic
from manul.uncertainty.elicit_parameters import Parameter

STATUS: dict[str, str] = {"F": "published source", "G": "expert guess"}
# Heading, width, and what stands there; None: the expert writes.
COLUMNS = (
    ("parameter", 34, lambda p: p.path),
    ("what it is", 52, lambda p: p.words),
    ("unit", 9, lambda p: p.unit),
    ("allowed", 14, lambda p: p.allowed),
    ("value now", 10, lambda p: p.value),
    ("range now", 14, lambda p: "{:g} - {:g}".format(*p.range) if p.range else ""),
    ("status", 16, lambda p: STATUS.get(p.status, p.status)),
    ("used now", 14, lambda p: "yes" if p.used else "no: no data"),
    ("expert", 10, None),
    ("lowest", 10, None),
    ("highest", 10, None),
    ("best", 10, None),
    ("confidence", 11, None),
    ("comment", 40, None),
)
LETTERS = {heading: chr(ord("A") + i) for i, (heading, _, _) in enumerate(COLUMNS)}


def write(path, asked: Iterable[Parameter], title: str) -> None:
    """Write the form for some parameters, for the region of this title."""
    book = Workbook()
    _how(book.active, title)
    _answers(book.create_sheet("Answers"), list(asked))
    with atomic(path) as partial:
        book.save(partial)


def _how(sheet, title) -> None:
    sheet.title = "How to answer"
    sheet.column_dimensions["A"].width = 110
    sheet["A1"] = f"Numbers behind the maps of {title}"
    sheet["A1"].font = Font(bold=True, size=14)
    form = plain_files.read_yaml(plain_files.SCHEMAS / "elicitation_form.yaml")
    lines = [(text, text in form) for heading in form for text in (heading, *form[heading])]
    for row, (text, is_heading) in enumerate(lines, 3):
        cell = sheet.cell(row, 1, text)
        cell.font = Font(bold=is_heading)
        cell.alignment = Alignment(wrap_text=True, vertical="top")


def _answers(sheet, asked) -> None:
    sheet.append([heading for heading, _, _ in COLUMNS])
    for parameter in asked:
        sheet.append([told(parameter) if told else None for _, _, told in COLUMNS])
    last = len(asked) + 1
    for (_, width, told), letter in zip(COLUMNS, LETTERS.values(), strict=True):
        sheet.column_dimensions[letter].width = width
        sheet[f"{letter}1"].font = Font(bold=True)
        for row in range(1, last + 1):
            cell = sheet[f"{letter}{row}"]
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            if told is None:
                cell.fill = PatternFill("solid", fgColor="FFF6D5")
    sheet.freeze_panes = "C2"
    _check(sheet, last)


def _check(sheet, last) -> None:
    """Let the spreadsheet itself refuse what the checks of the workflow would."""
    confidence, best = LETTERS["confidence"], LETTERS["best"]
    low, high = LETTERS["lowest"], LETTERS["highest"]
    for letter, rule in (
        (confidence, _rule("decimal", "between", "50", "100", "a number from 50 to 100 (%)")),
        (
            best,
            _rule("decimal", "between", f"{low}2", f"{high}2", "a number from lowest to highest"),
        ),
    ):
        sheet.add_data_validation(rule)
        rule.add(f"{letter}2:{letter}{max(last, 2)}")


def _rule(kind, operator, first, second, expected) -> DataValidation:
    return DataValidation(
        type=kind, operator=operator, formula1=first, formula2=second, allow_blank=True,
        showErrorMessage=True, error=f"Expected {expected}", errorTitle="Answer",
    )  # fmt: skip
