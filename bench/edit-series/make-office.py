"""Office files and retagged media out of package data: make-office.py WHAT BEFORE AFTER [SOURCE]"""
import glob, io, random, sys

what, before, after = sys.argv[1:4]
random.seed(20)


def rows():
    record = {}
    for line in open(sys.argv[4], encoding="utf8"):
        if line == "\n":
            if record:
                yield record
            record = {}
        elif line[0] != " ":
            key, _, value = line.partition(":")
            record[key] = value.strip()


def xlsx():
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    columns = ["Package", "Version", "Architecture", "Maintainer", "Installed-Size", "Depends", "SHA256", "Description"]
    count = 0
    for record in rows():
        count += 1
        sheet.append([count, round(random.random() * 1e6, 2), *[record.get(key, "") for key in columns]])
        if count == 45000:
            break
    book.save(before)
    for _ in range(60):
        sheet.cell(row=random.randint(1, count), column=2).value = round(random.random() * 1e6, 2)
    book.save(after)


def docx():
    from docx import Document

    document = Document()
    names = sorted(glob.glob("/usr/share/icons/hicolor/*/apps/*.png"))
    for number, name in enumerate(sorted(glob.glob("/usr/share/common-licenses/*"))):
        document.add_heading(name, 1)
        for text in open(name, encoding="utf8", errors="replace").read().split("\n\n"):
            document.add_paragraph("".join(c for c in text if c >= " " or c == "\n"))
        if number < len(names):
            document.add_picture(io.BytesIO(open(names[number], "rb").read()))
    count = 0
    for record in rows():
        count += 1
        document.add_paragraph(f"{record.get('Package')} {record.get('Version')} {record.get('SHA256')}: {record.get('Description')}")
        if count == 20000:
            break
    document.save(before)
    for _ in range(25):
        paragraph = random.choice(document.paragraphs)
        paragraph.text = paragraph.text.replace("the ", "that ") + " Edited."
    document.save(after)


def media():
    import shutil
    from mutagen.id3 import ID3, ID3NoHeaderError, TALB, TIT2, TPE1

    shutil.copy(sys.argv[4], before)
    shutil.copy(sys.argv[4], after)
    try:
        tags = ID3(after)
    except ID3NoHeaderError:
        tags = ID3()
    tags.add(TIT2(encoding=3, text="Another title"))
    tags.add(TPE1(encoding=3, text="Another artist"))
    tags.add(TALB(encoding=3, text="Another album"))
    tags.save(after)


{"xlsx": xlsx, "docx": docx, "media": media}[what]()
