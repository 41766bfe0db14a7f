"""What the columns of a file mean: guessed from their names, and remembered."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from signup import groups
from signup.uploads.models import Headings, Upload

ATTRIBUTE = "attribute:"  # before the name of one
VALUE = "value"  # of a file for one notice: what stands in place of ((its name))
FIELDS = ("name", "username", "mobile", "email", "language", "groups")
OF_A_NOTICE = ("name", "mobile", "email", "language")
PEOPLE_ARE_KNOWN_BY = {"username", "mobile", "email"}
CALLED = {
    "name": "name fullname displayname realname 姓名 名字 称呼 全名 真实姓名 住户 业主 业主姓名",
    "username": "username user login account loginname 用户名 账号 帐号 账户 登录名",
    "mobile": "mobile phone mobilephone mobilenumber phonenumber cell cellphone telephone tel "
    "手机 手机号 手机号码 电话 电话号码 联系电话 联系方式 移动电话",
    "email": "email mail emailaddress 邮箱 邮件 电子邮箱 电子邮件 邮箱地址 邮件地址",
    "language": "language lang locale 语言 语种",
    "groups": "group groups team department class 组 群组 小组 分组 部门 班级 组别",
}
MEANS = {name: field for field, names in CALLED.items() for name in names.split()}
AROUND = re.compile(r"\(.*?\)|[\W_]")
MEANINGFUL = re.compile(r"[()|]|\?\?")  # in a placeholder


def plain(heading: str) -> str:
    return AROUND.sub("", unicodedata.normalize("NFKC", heading).casefold())


def placeholder(heading: str) -> str:
    """The name by which a notice has what stands below it; also of one that somebody wrote."""
    ordinary = unicodedata.normalize("NFKC", heading).casefold()
    return " ".join(MEANINGFUL.sub(" ", ordinary).split())


def mapped(upload: Upload, headings: Sequence[str]) -> list[str]:
    """For each what it was said to mean the last time, else what its name says. No two the same."""
    known = Headings.objects.filter(digest=digest(upload, headings)).first()
    if known and len(known.mapping) == len(headings):
        there = {"", *choices(upload)}
        return [each if each in there else "" for each in known.mapping]
    if upload.purpose == Upload.Purpose.NOTICE:
        return guessed_of_notice(headings)
    return guessed(headings, groups.attributes())


def guessed_of_notice(headings: Sequence[str]) -> list[str]:
    found = [each if each in OF_A_NOTICE else "" for each in guessed(headings)]
    taken = {"", "name"}
    for place, name in enumerate(map(placeholder, headings)):
        if not found[place] and name not in taken:
            found[place] = VALUE
            taken.add(name)
    return found


def values(upload: Upload) -> dict[str, int]:
    """Of a file for one notice: placeholder -> the place of its column."""
    return {
        placeholder(name): place
        for place, (name, meaning) in enumerate(zip(upload.columns, upload.mapping, strict=True))
        if meaning == VALUE
    }


def guessed(headings: Sequence[str], attributes: Sequence[str] = ()) -> list[str]:
    own = {plain(name): ATTRIBUTE + name for name in attributes}
    found: list[str] = []
    for heading in map(plain, headings):
        meaning = own.get(heading) or MEANS.get(heading, "")
        found.append("" if meaning in found else meaning)
    return found


def remember(upload: Upload, mapping: Sequence[str]) -> None:
    found = digest(upload, upload.columns)
    Headings.objects.update_or_create(digest=found, defaults={"mapping": list(mapping)})


def digest(upload: Upload, headings: Sequence[str]) -> str:
    """A first row may be somebody's data: it is not kept."""
    of_a_notice = [upload.purpose] if upload.purpose == Upload.Purpose.NOTICE else []
    named = [*(plain(each) for each in headings), *of_a_notice]
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()


def choices(upload: Upload) -> list[str]:
    if upload.purpose == Upload.Purpose.NOTICE:
        return [*OF_A_NOTICE, VALUE]
    return [*FIELDS, *(ATTRIBUTE + name for name in groups.attributes())]


def check(upload: Upload, mapping: Sequence[str]) -> None:
    """Raises ValidationError."""
    chosen = [each for each in mapping if each and each != VALUE]
    if {each for each in mapping if each} - set(choices(upload)):
        raise ValidationError(_("An attribute is not there any more. Choose again."))
    names = [
        placeholder(name)
        for name, meaning in zip(upload.columns, mapping, strict=True)
        if meaning == VALUE
    ]
    if len(chosen) != len(set(chosen)) or len(names) != len(set(names)):
        raise ValidationError(_("Two columns mean the same. Choose one of them."))
    if "name" in names:
        raise ValidationError(
            _("((name)) is what people are called. Say that this column is the name.")
        )
    if "" in names:
        raise ValidationError(_("A column without a name cannot stand in the text. Leave it out."))
    if upload.purpose == Upload.Purpose.NOTICE and not {"mobile", "email"} & set(chosen):
        raise ValidationError(_("Choose a column with mobile numbers or emails."))
    if not PEOPLE_ARE_KNOWN_BY & set(chosen):
        raise ValidationError(_("Choose a column with usernames, mobile numbers or emails."))
