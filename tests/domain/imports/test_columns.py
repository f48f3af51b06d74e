"""Columns of files of other programs, by the headings that their documentation names."""

from domain.imports.columns import ImportField, find_columns
from domain.imports.imports import ImportKind

F = ImportField

# https://help.shopify.com/en/manual/customers/import-export-customers
SHOPIFY = (
    "First Name,Last Name,Email,Accepts Email Marketing,Company,Address1,Address2,City,Province,"
    "Province Code,Country,Country Code,Zip,Phone,Accepts SMS Marketing,Total Spent,Total Orders,"
    "Tags,Note,Tax Exempt"
)


def test_customers_of_shopify_need_no_preset() -> None:
    headings = SHOPIFY.split(",")

    found = find_columns(headings, ImportKind.CUSTOMERS)

    assert {field: headings[place] for field, place in found.items()} == {
        F.FIRST_NAME: "First Name",
        F.LAST_NAME: "Last Name",
        F.EMAIL: "Email",
        F.PHONE: "Phone",
        F.TAGS: "Tags",
        F.NOTES: "Note",
    }
