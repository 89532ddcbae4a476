"""Ends calls before they are done, in plain code and in asyncio."""

import asyncio

import strongroom

SIZE = 1 << 20


def main() -> None:
    # show plain
    with strongroom.new_runtime(buffer_memory=SIZE) as runtime:
        client = runtime.sync()
        with client.alloc(SIZE):  # all that this program may hold, so that the next call waits
            try:
                client.alloc(SIZE, timeout=0.05)
            except strongroom.DeadlineExceeded as error:  # a TimeoutError
                print("after the deadline:", error)
    # end
    asyncio.run(loop())


async def loop() -> None:
    # show asyncio
    async with strongroom.new_runtime(buffer_memory=SIZE) as runtime:
        client = runtime.for_loop()
        with await client.alloc(SIZE):
            try:
                async with asyncio.timeout(0.05):
                    await client.alloc(SIZE)
            except TimeoutError:
                print("after the deadline, in asyncio")
    # end


if __name__ == "__main__":
    main()
