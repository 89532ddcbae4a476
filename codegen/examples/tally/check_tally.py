"""Words are counted, from Python."""

import asyncio
import unittest

import tally


class TallyTest(unittest.TestCase):
    def test_words_are_counted(self) -> None:
        with tally.Tally.open() as counts:
            self.assertEqual([counts.add(word) for word in ("a", "b", "a")], [1, 1, 2])
            with self.assertRaises(tally.TallyNoWordError) as caught:
                counts.add("two words")
            self.assertEqual(caught.exception.text, "two words")
            self.assertEqual(list(counts.counts()), [tally.Count("a", 2), tally.Count("b", 1)])

    def test_words_are_counted_by_asyncio(self) -> None:
        async def count() -> list[tally.Count]:
            async with await tally.AsyncTally.open() as counts:
                await counts.add("a")
                return [each async for each in counts.counts()]

        self.assertEqual(asyncio.run(count()), [tally.Count("a", 1)])


if __name__ == "__main__":
    unittest.main()
