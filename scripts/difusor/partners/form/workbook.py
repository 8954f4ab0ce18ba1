"""Writes the form as a workbook: the call's 19 items, the institute's annex, and a sheet of help."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from difusor.partners.form.items import Item, items

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

CALL, ANNEX, HELP = "ANEXO 2", "Anexo técnico", "Ayuda"
"""The names of the sheets."""
FIRST_ROW = 5
"""Where the items begin: above them are title, instructions and headings."""
NUMBER, TITLE, VALUE = 1, 2, 3
"""The columns of an item."""
WIDTHS = {"A": 7, "B": 46, "C": 62}
FACE = "Arial"
BLUE, GREY, YELLOW = "1F3864", "F2F2F2", "FFF9E5"
NOTES = (
    "Llene solo las celdas amarillas. No agregue, mueva ni quite renglones, y no use fórmulas.",
    "Lo que deba elegirse se elige de la lista que aparece al entrar en la celda.",
    "Adjunte el logotipo, en PNG, al mismo correo: el formato solo lleva el nombre de su archivo.",
    "No envíe contraseñas ni llaves privadas: las que lleguen se descartan y hay que cambiarlas.",
    "Guarde el archivo como .xlsx (Excel o LibreOffice Calc), sin contraseña y sin macros.",
    "Envíelo a la dirección de correo que indica la convocatoria. Si algo falta, recibirá la lista completa.",
)
HEADINGS = ("Núm.", "Dato", "Escriba aquí")


def write(election: str) -> bytes:
    """Return the workbook, empty; `election` is the name that its title has."""
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    heading = f"FORMATO DE REGISTRO DE DIFUSORES PREP{f', {election}' if election else ''}"
    _form(book, CALL, f"ANEXO 2. {heading}", [each for each in items() if not each.of_the_annex])
    _form(
        book, ANNEX, "ANEXO TÉCNICO DEL INSTITUTO. No es parte del ANEXO 2: sirve para preparar el servidor",
        [each for each in items() if each.of_the_annex],
    )  # fmt: skip
    _help(book)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _form(book: Workbook, name: str, heading: str, lines: list[Item]) -> None:
    from openpyxl.comments import Comment
    from openpyxl.styles import Protection
    from openpyxl.worksheet.datavalidation import DataValidation

    sheet = book.create_sheet(name)
    _top(sheet, heading)
    for row, each in enumerate(lines, FIRST_ROW):
        sheet.cell(row, NUMBER, each.number)
        sheet.cell(
            row, TITLE, f"{each.title}{'' if each.required else ' (opcional)'}" if each.of_the_annex else each.title
        )
        value = sheet.cell(row, VALUE)
        # As text, so that a telephone keeps its zeros and nothing becomes a date; nothing that is typed is a formula.
        value.number_format = "@"
        value.protection = Protection(locked=False)
        value.comment = Comment(each.help, "Instituto", height=90, width=320)
        if each.choices:
            rule = DataValidation("list", formula1=f'"{",".join(each.choices)}"', allow_blank=True)
            rule.error, rule.errorTitle = "Elija una de las opciones de la lista.", "Opción no admitida"
        else:
            rule = DataValidation()
        rule.prompt, rule.promptTitle = each.help[:250], each.title[:32]
        rule.showInputMessage = rule.showErrorMessage = True
        sheet.add_data_validation(rule)
        rule.add(value)
    _look(sheet, len(lines))


def _top(sheet: Worksheet, heading: str) -> None:
    from openpyxl.styles import Font

    sheet["A1"] = heading
    sheet["A1"].font = Font(FACE, 13, bold=True, color=BLUE)
    sheet["A2"] = f"{NOTES[0]} {NOTES[3]}"
    sheet["A2"].font = Font(FACE, 10)
    for column, text in zip((NUMBER, TITLE, VALUE), HEADINGS, strict=True):
        sheet.cell(FIRST_ROW - 1, column, text)


def _look(sheet: Worksheet, count: int) -> None:
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

    thin = Side(style="thin", color="BFBFBF")
    for row in (1, 2):
        sheet.merge_cells(start_row=row, end_row=row, start_column=NUMBER, end_column=VALUE)
        sheet.cell(row, 1).alignment = Alignment(wrap_text=True, vertical="center")
        sheet.row_dimensions[row].height = 34
    for row in range(FIRST_ROW - 1, FIRST_ROW + count):
        heading = row == FIRST_ROW - 1
        for column in (NUMBER, TITLE, VALUE):
            cell = sheet.cell(row, column)
            cell.border = Border(left=thin, right=thin, top=thin, bottom=thin)
            cell.alignment = Alignment(
                wrap_text=True, vertical="center", horizontal="center" if column == NUMBER else None
            )
            cell.fill = PatternFill("solid", BLUE if heading else YELLOW if column == VALUE else GREY)
            cell.font = Font(FACE, 11, bold=heading, color="FFFFFF" if heading else "000000")
        sheet.row_dimensions[row].height = 20 if heading else 46
    sheet.freeze_panes = sheet.cell(FIRST_ROW, 1)
    _page(sheet)


def _page(sheet: Worksheet) -> None:
    """Give a sheet its widths, and make it print on one letter page in width; only the yellow cells can be written."""
    for letter, width in WIDTHS.items():
        sheet.column_dimensions[letter].width = width
    sheet.sheet_view.showGridLines = False
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "portrait", sheet.PAPERSIZE_LETTER
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.protection.enable()  # without a password: it keeps the rows in their places, not secrets


def _help(book: Workbook) -> None:
    from openpyxl.styles import Alignment, Font

    sheet = book.create_sheet(HELP)
    lines = [("", "Cómo llenar este formato", ""), *(("", note, "") for note in NOTES), ("", "", "")]
    lines += [("Núm.", "Dato", "Qué se escribe"), *((each.number, each.title, each.help) for each in items())]
    for line in lines:
        sheet.append([cell or None for cell in line])
    for row in sheet.iter_rows():
        for cell in row:
            cell.alignment, cell.font = Alignment(wrap_text=True, vertical="top"), Font(FACE, 11)
    for row in range(1, len(NOTES) + 2):
        sheet.merge_cells(start_row=row, end_row=row, start_column=2, end_column=3)
    for cell in (sheet["B1"], *sheet[len(NOTES) + 3]):
        cell.font = Font(FACE, 11, bold=True, color=BLUE)
    _page(sheet)
