/* Server-Sent Events out of a body; pure but for the body. */

/* One block of lines, as { id, event, data }. */

export function parseBlock(block) {
    const message = { id: '', event: 'message', data: '' };
    const data = [];

    for (const line of block.split('\n')) {
        const at = line.indexOf(':');
        const name = at === -1 ? line : line.slice(0, at);
        const value = at === -1 ? '' : line.slice(at + 1).replace(/^ /, '');

        if (name === 'data') {
            data.push(value);
        } else if (name === 'id' || name === 'event') {
            message[name] = value;
        }
    }

    message.data = data.join('\n');

    return message;
}

export async function* messages(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';

    for (;;) {
        const { value, done } = await reader.read();

        if (done) {
            return;
        }

        const blocks = (rest + value).replace(/\r\n?/g, '\n')
            .split('\n\n');

        rest = blocks.pop();

        for (const block of blocks) {
            yield parseBlock(block);
        }
    }
}
