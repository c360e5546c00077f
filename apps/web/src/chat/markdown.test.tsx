import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import { Markdown } from './markdown.tsx';

const render = (text: string) => renderToStaticMarkup(<Markdown text={text} />);

describe('what an assistant writes', () => {
  it('becomes Markdown', () => {
    expect(render('**bold** and `code`')).toContain('<strong>bold</strong> and <code>code</code>');
    expect(render('| a | b |\n|---|---|\n| 1 | 2 |')).toContain('<td>1</td>');
    expect(render('```js\nlet x = 1;\n```')).toContain('let x = 1;');
  });

  it('never becomes HTML, script or a request to somebody else', () => {
    const hostile = [
      '<script>alert(1)</script>',
      '<img src=x onerror=alert(1)>',
      '<style>*{display:none}</style>',
      '<iframe src="https://evil.example"></iframe>',
      '![pixel](https://evil.example/read.gif)',
      '[click](javascript:alert(1))',
      '[data](data:text/html,<script>alert(1)</script>)',
    ].join('\n\n');
    const html = render(hostile);
    expect(html).not.toMatch(/<(script|img|style|iframe)/i);
    expect(html).not.toMatch(/javascript:|data:text/i);
    expect(html).toContain('&lt;script&gt;');
  });

  it('opens links elsewhere, without telling where from', () => {
    expect(render('[docs](https://example.org)')).toContain('target="_blank" rel="noreferrer noopener"');
  });
});
