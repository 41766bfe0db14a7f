"""What the columns of a file mean: guessed from their names, and remembered."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from signup import groups
from signup.uploads.models import Headings

ATTRIBUTE = "attribute:"  # before the name of one
FIELDS = ("name", "username", "mobile", "email", "language", "groups")
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


def plain(heading: str) -> str:
    return AROUND.sub("", unicodedata.normalize("NFKC", heading).casefold())


def mapped(headings: Sequence[str]) -> list[str]:
    """For each what it was said to mean the last time, else what its name says. No two the same."""
    known = Headings.objects.filter(digest=digest(headings)).first()
    if known and len(known.mapping) == len(headings):
        there = {"", *choices()}
        return [each if each in there else "" for each in known.mapping]
    return guessed(headings, groups.attributes())


def guessed(headings: Sequence[str], attributes: Sequence[str] = ()) -> list[str]:
    own = {plain(name): ATTRIBUTE + name for name in attributes}
    found: list[str] = []
    for heading in map(plain, headings):
        meaning = own.get(heading) or MEANS.get(heading, "")
        found.append("" if meaning in found else meaning)
    return found


def remember(headings: Sequence[str], mapping: Sequence[str]) -> None:
    Headings.objects.update_or_create(digest=digest(headings), defaults={"mapping": list(mapping)})


def digest(headings: Sequence[str]) -> str:
    """A first row may be somebody's data: it is not kept."""
    return hashlib.sha256(json.dumps([plain(each) for each in headings]).encode()).hexdigest()


def choices() -> list[str]:
    return [*FIELDS, *(ATTRIBUTE + name for name in groups.attributes())]


def check(mapping: Sequence[str]) -> None:
    """Raises ValidationError."""
    chosen = [each for each in mapping if each]
    if set(chosen) - set(choices()):
        raise ValidationError(_("An attribute is not there any more. Choose again."))
    if len(chosen) != len(set(chosen)):
        raise ValidationError(_("Two columns mean the same. Choose one of them."))
    if not PEOPLE_ARE_KNOWN_BY & set(chosen):
        raise ValidationError(_("Choose a column with usernames, mobile numbers or emails."))
