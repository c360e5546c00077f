import { type ComponentProps, isValidElement, memo, type ReactNode } from 'react';
import ReactMarkdown, { type Components } from 'react-markdown';
import remarkGfm from 'remark-gfm';
import { CodeBlock } from '../design/code-block.tsx';

const plugins = [remarkGfm];

const components: Components = {
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noreferrer noopener">
      {children}
    </a>
  ),
  pre: ({ children }) => <Code>{children}</Code>,
  // Fetching a picture would tell its host that this was read: it is a link instead.
  img: ({ src, alt }) => (
    <a href={typeof src === 'string' ? src : undefined} target="_blank" rel="noreferrer noopener">
      {alt || 'Picture'}
    </a>
  ),
  input: (props) => <input {...props} aria-label="Task" />,
};

/** A fenced block: the text of the <code> inside, with its language. */
function Code({ children }: { children: ReactNode }) {
  if (!isValidElement<ComponentProps<'code'>>(children)) return <pre>{children}</pre>;
  const { className, children: text } = children.props;
  const language = /language-(\S+)/.exec(className ?? '')?.[1];
  return <CodeBlock text={String(text ?? '').replace(/\n$/, '')} caption={language} />;
}

/**
 * Markdown as the assistant writes it. Raw HTML stays text, links are only http(s) and mailto, and nothing
 * is loaded from elsewhere.
 */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return (
    <div className="prose">
      <ReactMarkdown remarkPlugins={plugins} components={components}>
        {text}
      </ReactMarkdown>
    </div>
  );
});
