#!/usr/bin/env python3
"""Each probe on the real server does what features.toml says, docs/wasm-features.md says it too."""
import dataclasses
import unittest

import features_page
from features_page import harness


class Features(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.table = features_page.features()
        cls.found = features_page.outcomes()
        cls.told = features_page.told()

    def test_the_server_does_what_the_table_says(self):
        self.assertEqual(features_page.complaints(self.table, self.found, self.told), [])

    def test_the_page_says_it(self):
        self.assertEqual(features_page.PAGE.read_text(encoding="utf-8"),
                         features_page.page(self.table, self.found), "run ./dev docs")

    def test_a_table_that_is_wrong_is_noticed(self):
        """Each row turned round, and each code replaced."""
        for name, row in self.table.items():
            turned = {"expected": "off", "refused_with": "E2007", "remedy": "none"}
            if row.expected == "off":
                turned = {"expected": "on"}
            for change in (turned, {"expected": "off", "refused_with": "E2001", "remedy": "none"}):
                with self.subTest(name, **change):
                    table = {**self.table, name: dataclasses.replace(row, **change)}
                    wrong = features_page.complaints(table, self.found, self.told)
                    self.assertTrue(any(each.startswith(f"{name}: ") for each in wrong), wrong)

    def test_a_probe_without_a_row_is_noticed(self):
        for name in self.table:
            table = {other: row for other, row in self.table.items() if other != name}
            wrong = features_page.complaints(table, self.found, {})
            self.assertEqual(wrong, [f"{name}: has no row"])


if __name__ == "__main__":
    harness.main()
